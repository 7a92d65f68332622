/** `counterpart network create`. */

import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { CodedError, isCodedError, reasonOf } from "@counterpart/core/base/errors";
import { parseGenesis, SIGNERS_MAX } from "@counterpart/core/chain/genesis-json";
import { ZERO_ADDRESS } from "@counterpart/core/chain/header";
import { DEFAULTS } from "../../config-defaults.ts";
import { createKeyRing } from "../../keys/key-ring.ts";
import { GENESIS_NAME } from "../../store/data-dir-genesis.ts";
import { makeDirectory } from "../../store/make-directory.ts";
import { defineCommand, flag, integer, list, required } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { invalidConfig } from "../invalid-config.ts";
import {
  accountOf,
  genesisText,
  type NetworkPlan,
  type PlannedNode,
  parseFunded,
  programWords,
  shownAccount,
  startCommand,
} from "../network-plan.ts";
import { printAnswer } from "../render/answer.ts";
import { renderFields } from "../render/table.ts";

/** Said where no account begins with an amount. */
const UNFUNDED = "\nNobody has ether; --fund gives some. Without it, transactions have to offer a gas price of 0.\n";

const NODES_MAX = 100;
/** EIP-2294's bound is higher; above this one, v of a protected legacy transaction is no exact number in wallets. */
const CHAIN_ID_MAX = 999_999_999_999_999;
const GAS_LIMIT = 60_000_000;
const GAS_LIMIT_MIN = 16_777_216;
const GAS_LIMIT_MAX = 1_000_000_000;

/** @throws CodedError `DATA_DIR_UNUSABLE` */
function makeFolder(folder: string): void {
  try {
    makeDirectory(folder);
    if (readdirSync(folder).length === 0) return;
  } catch (cause) {
    throw new CodedError("DATA_DIR_UNUSABLE", `${folder} cannot be made: ${reasonOf(cause)}`, { path: folder });
  }
  throw new CodedError("DATA_DIR_UNUSABLE", `${folder} is not empty: name a new folder`, { path: folder });
}

/**
 * Refuses what a node would refuse, before there is anything to take back.
 * @throws CodedError `INVALID_CONFIG`, `INVALID_GENESIS`
 */
function checkPlan(plan: NetworkPlan, nodes: number): void {
  const count = nodes + plan.signers.length;
  if (count === 0) throw invalidConfig("nobody could seal: give --nodes or --signer");
  if (count > SIGNERS_MAX)
    throw invalidConfig(`there would be ${count} signers, and a chain has ${SIGNERS_MAX} at most`);
  if (plan.signers.includes(shownAccount(ZERO_ADDRESS)))
    throw invalidConfig("--signer: nobody has the key of address 0");
  parseGenesis(genesisText(plan));
}

/**
 * Of what cannot be made whole nothing is left.
 * @param make gives each path that it is about to fill to the function that it is called with
 * @throws CodedError `DATA_DIR_UNUSABLE`
 */
function orNothing<T>(folder: string, make: (note: (path: string) => void) => T): T {
  const begun: string[] = [];
  try {
    return make((path) => void begun.push(path));
  } catch (cause) {
    for (const path of begun) rmSync(path, { recursive: true, force: true });
    if (isCodedError(cause)) throw cause;
    throw new CodedError("DATA_DIR_UNUSABLE", `${folder} cannot be made: ${reasonOf(cause)}`, { path: folder });
  }
}

/** A data directory with the node's own key in it, as the node would make it at its first start. */
function planNode(folder: string, at: number, note: (path: string) => void): PlannedNode {
  const dataDir = join(folder, `node-${at + 1}`);
  mkdirSync(dataDir, { mode: 0o700 });
  note(dataDir);
  const { own } = createKeyRing({ dir: join(dataDir, "keys") });
  return { dataDir, account: shownAccount(own), apiPort: DEFAULTS.apiPort + at, p2pPort: DEFAULTS.p2pPort + at };
}

export const networkCreate = defineCommand({
  args: { folder: required("folder to make, for the genesis file and the nodes' data directories") },
  options: {
    chainId: integer("--chain-id <number>", "chain id, which no other network of yours has", 1, CHAIN_ID_MAX, {
      isRequired: true,
    }),
    nodes: integer("--nodes <count>", "data directories to make, each with the key of a signer", 0, NODES_MAX, {
      default: 1,
    }),
    signer: list("--signer <address>", "signer whose key is elsewhere; repeatable"),
    fund: list("--fund <address=amount>", "account that begins with an amount: 0x…=1000ether, gwei or wei; repeatable"),
    gasLimit: integer("--gas-limit <gas>", "gas of a block", GAS_LIMIT_MIN, GAS_LIMIT_MAX, { default: GAS_LIMIT }),
    json: flag("--json", "as one JSON document, for programs"),
  },
  details: [
    "The network is open: it has no network key, so that whoever has genesis.json may connect, hold the chain and send transactions. To close it, give every node the same --network-key.",
    "Only the listed signers seal blocks: the nodes that are made, and those that --signer names. Gas is free: at a price of 0 accounts need no funds to send, but cast, forge and Hardhat offer more unless told so. The system contracts of EIP-2935 and EIP-4788, Multicall3 and the CREATE2 deployer are there from the beginning. Each node's folder has the genesis file as well, which a node takes unless --genesis names another. To run a node on another machine, copy its folder there, over a channel that nobody reads along: the folder holds its private key. On several machines give --p2p-host and the others' addresses as --peer.",
  ],
  examples: [
    "counterpart network create ./testnet --chain-id 424242 --nodes 3",
    "counterpart network create ./consortium --chain-id 70707 --nodes 1 --signer 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 --fund 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266=1000ether",
  ],
  exits: [
    [EXIT.ok, "made"],
    [EXIT.usage, "wrong flag"],
    [EXIT.dataDir, "the folder is not empty, or cannot be made"],
  ],
  async run({ args, options }, context) {
    const { nodes: count, signer = [], fund = [], gasLimit, json } = options;
    const chainId = options.chainId as number;
    const listed = [...new Set(signer.map((word) => shownAccount(accountOf(word, "--signer"))))];
    const timestamp = Math.floor(Date.now() / 1_000);
    const plan = { chainId, signers: listed, funded: parseFunded(fund), gasLimit, timestamp };
    checkPlan(plan, count);
    const folder = resolve(context.workingDir, args.folder);
    makeFolder(folder);
    const genesis = join(folder, GENESIS_NAME);
    const { nodes, signers } = orNothing(folder, (note) => {
      const made = Array.from({ length: count }, (_, at) => planNode(folder, at, note));
      const all = [...made.map(({ account }) => account), ...listed];
      const text = genesisText({ ...plan, signers: all });
      for (const { dataDir } of made) writeFileSync(join(dataDir, GENESIS_NAME), text, { flag: "wx" });
      writeFileSync(genesis, text, { flag: "wx" });
      return { nodes: made, signers: all };
    });
    const program = programWords(context.environment);
    const commands = nodes.map((_, at) => startCommand(program, nodes, at));
    const shown = nodes.map(({ dataDir, account }, at) => ({ data_dir: dataDir, account, command: commands[at] }));
    const fields = [
      ["genesis", genesis],
      ["chain id", String(chainId)],
      ["signers", signers.join(" ")],
    ] as const;
    const lines = commands.map((command) => `${command}\n`).join("");
    const advice = lines === "" ? "" : `\nEach in a terminal of its own:\n\n${lines}`;
    const funded = [...plan.funded.keys()].map(shownAccount);
    const answer = { genesis, chain_id: chainId, signers, funded, nodes: shown };
    const remark = funded.length === 0 ? UNFUNDED : "";
    printAnswer(context, json, answer, (style) => renderFields(fields, style) + remark + advice);
    return EXIT.ok;
  },
});
