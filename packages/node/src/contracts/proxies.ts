/** Contracts that delegate to another one: what stands at the places that ERC-1967 and ERC-1167 name. */

import { bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { isCodedError } from "@counterpart/core/base/errors";
import type { StateReader } from "@counterpart/core/execution/types";
import type { ChainEngine } from "../engine/types.ts";
import type { ContractAbi } from "./abi.ts";

/** How a contract says whose code it runs. */
export interface ProxyPlace {
  readonly kind: "erc1967" | "erc1967_beacon" | "erc1167";
  /** Absent for a beacon, which is asked for it. */
  readonly implementation?: Hex;
  readonly beacon?: Hex;
  /** Who may upgrade it, where the contract has that slot. */
  readonly admin?: Hex;
}

export interface DelegateProxy extends ProxyPlace {
  readonly implementation: Hex;
}

/** keccak("eip1967.proxy.implementation") − 1 and its like. */
const SLOTS = {
  implementation: "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc",
  beacon: "0xa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50",
  admin: "0xb53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103",
} as const satisfies Record<string, Hex>;

/** Minimal proxies: of ERC-1167, and of ERC-7511, which has PUSH0. What follows the code are arguments. */
const MINIMAL = [
  { before: "363d3d373d3d3d363d73", after: "5af43d82803e903d91602b57fd5bf3" },
  { before: "365f5f375f5f365f73", after: "5af43d5f5f3e5f3d91602a57fd5bf3" },
] as const;
const ADDRESS_DIGITS = 40;

/** `implementation()` of a beacon. */
const IMPLEMENTATION_SELECTOR: Hex = "0x5c60da1b";
const BEACON_GAS = 100_000;

function minimalTarget(code: Uint8Array): Hex | undefined {
  const digits = bytesToHex(code.subarray(0, 64)).slice(2);
  for (const { before, after } of MINIMAL) {
    const address = digits.slice(before.length, before.length + ADDRESS_DIGITS);
    if (digits.startsWith(before) && digits.startsWith(after, before.length + ADDRESS_DIGITS)) return `0x${address}`;
  }
  return undefined;
}

/** An address in a slot; undefined for zero, and for what is no address. */
function addressIn(state: Pick<StateReader, "storage">, address: Hex, slot: Hex): Hex | undefined {
  const value = state.storage(address, slot);
  if (value === 0n || value >> 160n !== 0n) return undefined;
  return `0x${value.toString(16).padStart(ADDRESS_DIGITS, "0")}`;
}

/** Undefined for a contract that is no proxy, and for one of which this node does not hold what tells. */
export function findProxy(state: StateReader, address: Hex): ProxyPlace | undefined {
  try {
    const account = state.account(address);
    if (account === undefined) return undefined;
    const target = minimalTarget(state.code(account.codeHash));
    if (target !== undefined) return { kind: "erc1167", implementation: target };
    const admin = addressIn(state, address, SLOTS.admin);
    const implementation = addressIn(state, address, SLOTS.implementation);
    if (implementation !== undefined) return { kind: "erc1967", implementation, ...(admin && { admin }) };
    const beacon = addressIn(state, address, SLOTS.beacon);
    return beacon === undefined ? undefined : { kind: "erc1967_beacon", beacon, ...(admin && { admin }) };
  } catch (error) {
    if (isCodedError(error, "NOT_HELD")) return undefined;
    throw error;
  }
}

/** The proxy with its implementation; undefined when its beacon names none. */
export async function completeProxy(
  { call }: Pick<ChainEngine, "call">,
  { implementation, beacon, ...rest }: ProxyPlace,
): Promise<DelegateProxy | undefined> {
  if (implementation !== undefined) return { ...rest, implementation };
  if (beacon === undefined) return undefined;
  const data = hexToBytes(IMPLEMENTATION_SELECTOR);
  const outcome = await call({ from: beacon, to: beacon, data, value: 0n, gasLimit: BEACON_GAS });
  if (outcome.status !== "success" || outcome.output.length !== 32) return undefined;
  return { ...rest, beacon, implementation: bytesToHex(outcome.output.subarray(12)) };
}

/** What a proxy answers: its own functions before those of its implementation. */
export function joinAbis(own: ContractAbi | undefined, behind: ContractAbi | undefined): ContractAbi | undefined {
  if (own === undefined || behind === undefined) return own ?? behind;
  const taken = new Set(own.functions.map(({ selector }) => selector));
  return {
    ...own,
    functions: [...own.functions, ...behind.functions.filter(({ selector }) => !taken.has(selector))],
    errors: new Map([...behind.errors, ...own.errors]),
    events: new Map([...behind.events, ...own.events]),
  };
}
