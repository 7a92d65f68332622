/** `counterpart contracts deploy`. */

import { CodedError } from "@counterpart/core/base/errors";
import type { ApiClient } from "../client/api-client.ts";
import { artifactName, readAbi, readBytecode } from "../client/artifact-file.ts";
import { addressWord } from "../client/checked-text.ts";
import { CODE_OPTIONS, codeFields, type WantedCode } from "../client/code-options.ts";
import { type ContractAnswer, renderContract } from "../client/contract.ts";
import {
  exitOfSent,
  renderPending,
  SENDING_EXITS,
  SENDING_OPTIONS,
  type SentAnswer,
  sendAndWait,
  type TransactionAnswer,
} from "../client/sending.ts";
import { CLIENT_OPTIONS, clientOf } from "../client/target.ts";
import { amountValue, constructorArguments } from "../client/values.ts";
import { defineCommand, integer, list, optional, text, withoutUndefined } from "../command.ts";
import { invalidConfig } from "../invalid-config.ts";
import { printAnswer } from "../render/answer.ts";
import type { Style } from "../render/style.ts";

const OPTIONS = {
  name: text("--name <name>", "name of the contract"),
  symbol: text("--symbol <symbol>", "symbol of a token or nft"),
  decimals: integer("--decimals <count>", "decimals of a token", 0, 255, { defaultNote: "18" }),
  cap: text("--cap <amount>", "greatest supply of a token, in base units, or number of an nft's tokens; 0 for none", {
    defaultNote: "none",
  }),
  initialSupply: text("--initial-supply <amount>", "supply that the owner of a token begins with, in base units"),
  baseUri: text("--base-uri <uri>", "what comes before the numbers of an nft's tokens"),
  ...CODE_OPTIONS,
  bytecode: text("--bytecode <code>", "creation code as 0x text, or the path of a file with it"),
  abi: text("--abi <path>", "file with the ABI of --bytecode"),
  args: list("--args <values...>", "constructor arguments, by position or, but for --source, as name=value"),
  value: text("--value <wei>", "wei to send along, for a payable constructor"),
  ...SENDING_OPTIONS,
  ...CLIENT_OPTIONS,
};

/** What was given, as far as it says what to deploy. */
interface Wanted extends WantedCode {
  readonly name?: string | undefined;
  readonly symbol?: string | undefined;
  readonly decimals?: number | undefined;
  readonly cap?: string | undefined;
  readonly initialSupply?: string | undefined;
  readonly baseUri?: string | undefined;
  readonly bytecode?: string | undefined;
  readonly abi?: string | undefined;
  readonly args?: readonly string[] | undefined;
  readonly value?: string | undefined;
}

const OF_CODE = [...Object.keys(CODE_OPTIONS), "bytecode", "abi", "args", "value"] as (keyof Wanted)[];
const OF_TEMPLATES = ["decimals", "cap", "initialSupply", "baseUri"] as const;

/** Refuses options of another way of deploying: left out silently, they would make another contract. */
function refuse(wanted: Wanted, names: readonly (keyof Wanted)[], why: string): void {
  const given = names.find((name) => wanted[name] !== undefined);
  if (given === undefined) return;
  throw invalidConfig(`--${given.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} ${why}`);
}

const amountOrNothing = (amount: string | undefined): unknown =>
  amount === undefined ? undefined : amountValue(amount);

function templateBody(template: string, wanted: Wanted): object {
  refuse(wanted, OF_CODE, `is for compiled contracts, not for the template ${template}`);
  const { name, symbol, decimals, cap, initialSupply, baseUri } = wanted;
  if (name === undefined || symbol === undefined) {
    const advice = `such as: counterpart contracts deploy ${template} --name Example --symbol EX`;
    throw new CodedError("INVALID_CONFIG", `the template ${template} needs --name and --symbol`, { advice });
  }
  const common = { name, symbol, cap: amountOrNothing(cap) };
  if (template === "nft") {
    refuse(wanted, ["decimals", "initialSupply"], "is for the template token");
    return { contract_type: "nft", ...withoutUndefined({ ...common, base_uri: baseUri }) };
  }
  refuse(wanted, ["baseUri"], "is for the template nft");
  const supply = amountOrNothing(initialSupply);
  return { contract_type: "token", ...withoutUndefined({ ...common, decimals, initial_supply: supply }) };
}

/** Code for the node to read, and the ABI where it is known here: constructor arguments are read by it. */
function codeOf(wanted: Wanted, workingDir: string): { readonly fields: object; readonly abi: unknown } {
  const fields = codeFields(wanted, workingDir);
  const { artifact: path = "", bytecode, abi } = wanted;
  if (fields !== undefined) {
    if (bytecode !== undefined || abi !== undefined)
      throw invalidConfig("give the code in one way: --artifact, --source, or --bytecode with --abi");
    const { artifact } = fields;
    if (artifact === undefined) return { fields, abi: undefined };
    return { fields: { ...fields, name: artifactName(path, artifact) }, abi: artifact.abi };
  }
  if (bytecode === undefined)
    throw invalidConfig("say what to deploy: token or nft, --artifact, --source, or --bytecode with --abi");
  if (abi === undefined) throw invalidConfig("--bytecode needs --abi; for code without functions a file with []");
  const known = readAbi(abi, workingDir);
  return { fields: { abi: known, bytecode: readBytecode(bytecode, workingDir) }, abi: known };
}

function customBody(wanted: Wanted, workingDir: string): object {
  refuse(wanted, OF_TEMPLATES, "is for templates");
  const { fields, abi } = codeOf(wanted, workingDir);
  const { name, symbol, args = [], value } = wanted;
  const said = withoutUndefined({ name, symbol, value: amountOrNothing(value) });
  return { contract_type: "custom", ...fields, ...said, args: constructorArguments(args, abi) };
}

/** The body of the request. @throws CodedError `INVALID_CONFIG` */
function deployBody(template: string | undefined, wanted: Wanted, workingDir: string): object {
  return template === undefined ? customBody(wanted, workingDir) : templateBody(template, wanted);
}

/** 201, 202 or 200: deployed, on its way, or reverted in its block. */
interface DeployAnswer extends SentAnswer {
  readonly address?: string | null;
  readonly contract?: ContractAnswer;
}

async function answerOf(client: ApiClient, found: TransactionAnswer): Promise<DeployAnswer> {
  const { hash, execution, contract_address: address } = found;
  if (execution !== "success" || address === null) return { transaction_hash: hash, status: "reverted" };
  const contract = await client.get<ContractAnswer>(`contracts/${address}`);
  return { address, transaction_hash: hash, contract };
}

export const contractsDeploy = defineCommand({
  args: {
    template: optional("token for an ERC-20, nft for an ERC-721; left out for other contracts", ["token", "nft"]),
  },
  options: OPTIONS,
  details: [
    "The deployment is simulated first: one that reverts is refused with the reason, and nothing is sent. The sender becomes the owner: the node's own account unless --from names another that it holds. Amounts are base units at any size: 1000000, 0xf4240 and 1e6 are the same.",
    "The types of a --source's constructor are known once it is compiled, so that arrays and objects among its arguments are read by their look, as JSON. Text that begins with [, { or a quote goes in quotes of its own: '\"[draft]\"'.",
  ],
  examples: [
    "counterpart contracts deploy token --name TestToken --symbol TEST --cap 1e24",
    "counterpart contracts deploy nft --name Cards --symbol CARD --base-uri https://example.org/cards/",
    "counterpart contracts deploy --source Coin.sol --args 5000",
    "counterpart contracts deploy --artifact out/Counter.sol/Counter.json --args 42",
    "counterpart contracts deploy --artifact artifacts/contracts/Vault.sol/Vault.json --args owner=0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
    "counterpart contracts deploy --bytecode build/Coin.bin --abi build/Coin.abi --name Coin --args 5000 --json",
  ],
  exits: SENDING_EXITS,
  async run({ args, options }, context) {
    const { from, json } = options;
    const client = clientOf(options, context);
    const sender = from === undefined ? {} : { from: addressWord(from) };
    const body = { ...deployBody(args.template, options, context.workingDir), ...sender };
    if ("sources" in body && context.isErrorTerminal) context.printError("the node compiles the source\n");
    const settle = (found: TransactionAnswer): Promise<DeployAnswer> => answerOf(client, found);
    const answer = await sendAndWait(client, "contracts", body, options, context, settle);
    printAnswer(context, json, answer, (style) => renderDeployment(answer, style));
    return exitOfSent(answer, options.wait);
  },
});

function renderDeployment(answer: DeployAnswer, style: Style): string {
  const { transaction_hash: hash, status, address, contract } = answer;
  if (status === "reverted") return `${style.red("reverted")}  transaction ${hash}\n`;
  if (status === "pending") {
    const where = address === undefined || address === null ? "" : `, to be at ${address}`;
    return renderPending(answer, style, where);
  }
  const shown = contract === undefined ? `${address}\n` : renderContract(contract, style);
  return `${style.green("deployed")}  transaction ${hash}\n${shown}`;
}
