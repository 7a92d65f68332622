/** A contract as the API gives it, and as people read it. */

import type { Style } from "../render/style.ts";
import { printable, renderFields } from "../render/table.ts";
import { moment, wholeUnits } from "../render/units.ts";

/** Whose code a contract runs, where it delegates to another one. */
interface ProxyAnswer {
  readonly kind: string;
  readonly implementation: string;
  readonly implementation_name: string | null;
  readonly implementation_abi: readonly unknown[] | null;
  readonly beacon: string | null;
  readonly admin: string | null;
}

/** `GET contracts/{address}`. */
export interface ContractAnswer {
  readonly address: string;
  readonly owner: string | null;
  readonly contract_type: string | null;
  readonly name: string | null;
  readonly symbol: string | null;
  readonly decimals: number | null;
  readonly cap: string | null;
  readonly total_supply: string | null;
  readonly abi: readonly unknown[] | null;
  readonly code_hash: string;
  readonly storage_root: string;
  readonly nonce: number;
  readonly balance: string;
  readonly created_at: number | null;
  readonly created_block: number | null;
  readonly updated_at: number | null;
  readonly updated_block: number | null;
  readonly update_sequence: number | null;
  readonly artifact_updated_at: number | null;
  readonly state_hash: string;
  readonly artifact_hash: string;
  readonly integrity_hash: string;
  readonly proxy: ProxyAnswer | null;
  readonly checked: string;
  readonly certified: string;
  readonly confirmations: number | null;
}

/** Base units, and whole ones where the contract has decimals: "1500000 (1.5 USDX)". */
export function amountText(
  baseUnits: string | null,
  { decimals, symbol }: Pick<ContractAnswer, "decimals" | "symbol">,
) {
  if (baseUnits === null) return undefined;
  const whole = decimals === null || decimals === 0 ? undefined : wholeUnits(baseUnits, decimals);
  const name = symbol === null ? "" : ` ${printable(symbol)}`;
  return whole === undefined ? `${baseUnits}${name}` : `${baseUnits} (${whole}${name})`;
}

const at = (block: number | null, time: number | null): string | undefined =>
  block === null ? undefined : `block ${block}${time === null ? "" : `, ${moment(time)}`}`;

const textOrNothing = (text: string | null): string | undefined => (text === null ? undefined : printable(text));

function proxyFields(proxy: ProxyAnswer | null): readonly (readonly [string, string | undefined])[] {
  if (proxy === null) return [];
  const { kind, implementation, implementation_name: name, beacon, admin } = proxy;
  return [
    ["proxy", `${kind}, runs ${name === null ? "" : `${printable(name)} at `}${implementation}`],
    ["beacon", beacon ?? undefined],
    ["admin", admin ?? undefined],
  ];
}

/** Its own ABI and, behind it, that of the code which it runs for another: functions of both are known by name. */
export const wholeAbi = ({ abi, proxy }: Pick<ContractAnswer, "abi" | "proxy">): readonly unknown[] => [
  ...(abi ?? []),
  ...(proxy?.implementation_abi ?? []),
];

export function renderContract(contract: ContractAnswer, style: Style): string {
  return renderFields(
    [
      ["address", style.bold(contract.address)],
      ["name", textOrNothing(contract.name)],
      ["symbol", textOrNothing(contract.symbol)],
      ["type", textOrNothing(contract.contract_type)],
      ["owner", contract.owner ?? undefined],
      ["decimals", contract.decimals === null ? undefined : String(contract.decimals)],
      ["total supply", amountText(contract.total_supply, contract)],
      ["cap", amountText(contract.cap, contract)],
      ...proxyFields(contract.proxy),
      ["balance", `${contract.balance} wei`],
      ["created", at(contract.created_block, contract.created_at)],
      ["updated", at(contract.updated_block, contract.updated_at)],
      ["changes", contract.update_sequence === null ? undefined : String(contract.update_sequence)],
      ["confirmations", contract.confirmations === null ? undefined : String(contract.confirmations)],
      ["checked", `${contract.checked} here, vouched for by ${contract.certified === "none" ? "nobody" : "a signer"}`],
      ["code hash", contract.code_hash],
      ["state hash", contract.state_hash],
      ["artifact hash", contract.artifact_hash],
      ["integrity hash", contract.integrity_hash],
    ],
    style,
  );
}

interface AbiParameter {
  readonly name?: string;
  readonly type?: string;
  readonly components?: readonly AbiParameter[];
}

interface AbiFunction {
  readonly type: "function";
  readonly name?: string;
  readonly inputs?: readonly AbiParameter[];
  readonly outputs?: readonly AbiParameter[];
  readonly stateMutability?: string;
}

function typeOf({ type = "?", components }: AbiParameter): string {
  return components === undefined ? type : `(${components.map(typeOf).join(",")})${type.replace(/^tuple/, "")}`;
}

const parametersOf = (parameters: readonly AbiParameter[] = []): string =>
  parameters.map((parameter) => `${typeOf(parameter)} ${parameter.name ?? ""}`.trim()).join(", ");

function signatureOf({ name = "", inputs, outputs = [], stateMutability }: AbiFunction): string {
  const payable = stateMutability === "payable" ? " payable" : "";
  const returns = outputs.length === 0 ? "" : ` → ${parametersOf(outputs)}`;
  return printable(`${name}(${parametersOf(inputs)})${payable}${returns}`);
}

const isFunction = (entry: unknown): entry is AbiFunction =>
  typeof entry === "object" && entry !== null && "type" in entry && entry.type === "function";

/** The functions that change state, and those that only read, each with its parameters. */
export function renderFunctions(abi: readonly unknown[], style: Style): string {
  const functions = abi.filter(isFunction);
  const reads = functions.filter(({ stateMutability }) => stateMutability === "view" || stateMutability === "pure");
  const acts = functions.filter((entry) => !reads.includes(entry));
  const part = (title: string, entries: readonly AbiFunction[]): string =>
    entries.length === 0 ? "" : `${style.dim(title)}\n${entries.map((entry) => `  ${signatureOf(entry)}\n`).join("")}`;
  return part("execute", acts) + part("call", reads);
}
