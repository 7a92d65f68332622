/** `counterpart contracts deploy`. */

import { CodedError } from "@counterpart/core/base/errors";
import type { ApiClient } from "../client/api-client.ts";
import { readAbi, readArtifact, readBytecode } from "../client/artifact-file.ts";
import { addressWord } from "../client/checked-text.ts";
import { type ContractAnswer, renderContract } from "../client/contract.ts";
import {
  awaitTransaction,
  exitOfPending,
  requestWaitMs,
  SENDING_EXITS,
  SENDING_OPTIONS,
  sendOnce,
} from "../client/sending.ts";
import { CLIENT_OPTIONS, clientOf } from "../client/target.ts";
import { amountValue, constructorArguments } from "../client/values.ts";
import { defineCommand, integer, list, optional, text, withoutUndefined } from "../command.ts";
import type { CommandContext } from "../context.ts";
import { EXIT } from "../exit-code.ts";
import { styleOf } from "../render/style.ts";

const OPTIONS = {
  name: text("--name <name>", "name of the contract"),
  symbol: text("--symbol <symbol>", "symbol of a token"),
  decimals: integer("--decimals <count>", "decimals of a token", 0, 255, { defaultNote: "18" }),
  cap: text("--cap <amount>", "greatest supply of a token, in base units", { defaultNote: "none" }),
  initialSupply: text("--initial-supply <amount>", "supply that the owner of a token begins with, in base units"),
  artifact: text("--artifact <path>", "what Foundry or Hardhat compiled: out/Foo.sol/Foo.json, artifacts/…/Foo.json"),
  bytecode: text("--bytecode <code>", "creation code as 0x text, or the path of a file with it"),
  abi: text("--abi <path>", "file with the ABI of --bytecode"),
  args: list("--args <values...>", "constructor arguments, by position or as name=value"),
  value: text("--value <wei>", "wei to send along, for a payable constructor"),
  ...SENDING_OPTIONS,
  ...CLIENT_OPTIONS,
};

/** What was given, as far as it says what to deploy. */
interface Wanted {
  readonly name?: string | undefined;
  readonly symbol?: string | undefined;
  readonly decimals?: number | undefined;
  readonly cap?: string | undefined;
  readonly initialSupply?: string | undefined;
  readonly artifact?: string | undefined;
  readonly bytecode?: string | undefined;
  readonly abi?: string | undefined;
  readonly args?: readonly string[] | undefined;
  readonly value?: string | undefined;
}

const usage = (message: string): CodedError => new CodedError("INVALID_CONFIG", message);

/** Refuses options of the other way of deploying: left out silently, they would make another contract. */
function refuse(wanted: Wanted, names: readonly (keyof Wanted)[], why: string): void {
  const given = names.find((name) => wanted[name] !== undefined);
  if (given === undefined) return;
  throw usage(`--${given.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} ${why}`);
}

const amountOrNothing = (amount: string | undefined): unknown =>
  amount === undefined ? undefined : amountValue(amount);

function tokenBody(wanted: Wanted): object {
  refuse(
    wanted,
    ["artifact", "bytecode", "abi", "args", "value"],
    "is for compiled contracts, not for the template token",
  );
  const { name, symbol, decimals, cap, initialSupply } = wanted;
  if (name === undefined || symbol === undefined) throw usage("a token needs --name and --symbol");
  const supply = { cap: amountOrNothing(cap), initial_supply: amountOrNothing(initialSupply) };
  return { contract_type: "token", ...withoutUndefined({ name, symbol, decimals, ...supply }) };
}

function compiledOf({ artifact, bytecode, abi }: Wanted, workingDir: string) {
  if (artifact !== undefined) {
    if (bytecode !== undefined || abi !== undefined) throw usage("give --artifact, or --bytecode with --abi, not both");
    return readArtifact(artifact, workingDir);
  }
  if (bytecode === undefined) throw usage("say what to deploy: token, or --artifact <path>, or --bytecode with --abi");
  if (abi === undefined) throw usage("--bytecode needs --abi; for code without functions a file with []");
  return { name: undefined, abi: readAbi(abi, workingDir), bytecode: readBytecode(bytecode, workingDir) };
}

function customBody(wanted: Wanted, workingDir: string): object {
  refuse(wanted, ["decimals", "cap", "initialSupply"], "is for the template token");
  const { abi, bytecode, name: compiledName } = compiledOf(wanted, workingDir);
  const { symbol, args = [], value } = wanted;
  const name = wanted.name ?? compiledName;
  const said = withoutUndefined({ name, symbol, value: amountOrNothing(value) });
  return { contract_type: "custom", ...said, bytecode, abi, args: constructorArguments(args, abi) };
}

/** The body of the request. @throws CodedError `INVALID_CONFIG` */
export function deployBody(template: string | undefined, wanted: Wanted, workingDir: string): object {
  if (template === "token") return tokenBody(wanted);
  return customBody(wanted, workingDir);
}

/** 201, 202 or 200: deployed, on its way, or reverted in its block. */
interface DeployAnswer {
  readonly address?: string | null;
  readonly transaction_hash: string;
  readonly status?: "pending" | "reverted";
  readonly reason?: string | null;
  readonly contract?: ContractAnswer;
}

/** Goes on waiting where the request has ended; gives the answer that a longer request would have given. */
async function settled(
  client: ApiClient,
  answer: DeployAnswer,
  deadlineMs: number,
  context: CommandContext,
): Promise<DeployAnswer> {
  if (answer.status !== "pending" || context.now() >= deadlineMs) return answer;
  const found = await awaitTransaction(client, answer.transaction_hash, deadlineMs, context);
  if (found.status === "pending") return { ...answer, reason: found.reason };
  if (found.status === "conflicted") throw usageOfConflict(answer.transaction_hash);
  const { transaction_hash: hash } = answer;
  if (found.execution !== "success" || found.contract_address === null)
    return { transaction_hash: hash, status: "reverted" };
  const contract = await client.get<ContractAnswer>(`contracts/${found.contract_address}`);
  return { address: found.contract_address, transaction_hash: hash, contract };
}

const usageOfConflict = (hash: string): CodedError =>
  new CodedError("TRANSACTION_CONFLICTED", `another transaction took the nonce of ${hash}; send it anew`);

export const contractsDeploy = defineCommand({
  args: { template: optional("token, for an ERC-20; left out for a compiled contract", ["token"]) },
  options: OPTIONS,
  details: [
    "The deployment is simulated first: one that reverts is refused with the reason, and nothing is sent. The sender becomes the owner: the node's own account unless --from names another that it holds. Amounts are base units at any size: 1000000, 0xf4240 and 1e6 are the same.",
  ],
  examples: [
    "counterpart contracts deploy token --name TestToken --symbol TEST --cap 1e24",
    "counterpart contracts deploy --artifact out/Counter.sol/Counter.json --args 42",
    "counterpart contracts deploy --artifact artifacts/contracts/Vault.sol/Vault.json --args owner=0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
    "counterpart contracts deploy --bytecode build/Coin.bin --abi build/Coin.abi --name Coin --args 5000 --json",
  ],
  exits: SENDING_EXITS,
  async run({ args, options }, context) {
    const { wait, idempotencyKey, from } = options;
    const client = clientOf(options, context);
    const deadlineMs = context.now() + wait * 1_000;
    const waitMs = requestWaitMs(wait);
    const sender = from === undefined ? {} : { from: addressWord(from) };
    const body = { ...deployBody(args.template, options, context.workingDir), ...sender, wait_ms: waitMs };
    const sent = await sendOnce<DeployAnswer>(client, "contracts", body, { idempotencyKey, waitMs });
    const answer = await settled(client, sent.body, deadlineMs, context);
    if (options.json === true) context.print(`${JSON.stringify(answer)}\n`);
    else context.print(renderDeployment(answer, context));
    if (answer.status === "reverted") return EXIT.reverted;
    return answer.status === "pending" ? exitOfPending(wait) : EXIT.ok;
  },
});

function renderDeployment(answer: DeployAnswer, context: CommandContext): string {
  const style = styleOf(context);
  const { transaction_hash: hash, status, reason, address, contract } = answer;
  if (status === "reverted") return `${style.red("reverted")}  transaction ${hash}\n`;
  if (status === "pending") {
    const why = reason === undefined || reason === null ? "" : ` (${reason})`;
    const where = address === undefined || address === null ? "" : `, to be at ${address}`;
    return `${style.yellow("pending")}${why}${where}\ncounterpart tx show ${hash}\n`;
  }
  const shown = contract === undefined ? `${address}\n` : renderContract(contract, style);
  return `${style.green("deployed")}  transaction ${hash}\n${shown}`;
}
