/** What the process answers its caller with. */

import { type CodedError, isCodedError, reasonOf } from "@counterpart/core/base/errors";
import { hintOf, NodeRefusal } from "./client/refusal.ts";
import { printable } from "./render/table.ts";

export const EXIT = {
  /** Stopped as asked, or help or version shown. */
  ok: 0,
  /** An unexpected failure. */
  failure: 1,
  /** The command line, a variable, the configuration file or the genesis file is wrong. */
  usage: 2,
  /** A port is taken. */
  port: 3,
  /** The data directory is in use, unusable or of another version, or a key file in it is damaged or locked. */
  dataDir: 4,
  /** No node answers at the address given. */
  unreachable: 5,
  /** Stopped as asked, by a node whose execution contradicts what most of its peers hold. */
  diverged: 6,
  /** The file of blocks is malformed, or one of its blocks breaks a rule. */
  chain: 7,
  /** The node answered with an error; what was asked for was not done. */
  refused: 8,
  /** Sent, but not in a block when there was no more time to wait. */
  pending: 9,
  /** In a block, where it reverted. */
  reverted: 10,
  /** `doctor` found what keeps a node from working. */
  unfit: 11,
  /** Ended before its work was done, by Ctrl-C or by SIGTERM. */
  interrupted: 130,
  terminated: 143,
  /** Whoever read the output has gone: as the signal SIGPIPE ends others. */
  unread: 141,
} as const;

const BY_CODE: Readonly<Partial<Record<CodedError["code"], number>>> = {
  INVALID_CONFIG: EXIT.usage,
  INVALID_GENESIS: EXIT.usage,
  DETACHED: EXIT.usage,
  PRUNED: EXIT.usage,
  PORT_IN_USE: EXIT.port,
  INVALID_CHAIN_FILE: EXIT.chain,
  INVALID_BLOCK: EXIT.chain,
  INVALID_HEADER: EXIT.chain,
  CONNECTION_REFUSED: EXIT.unreachable,
  CONNECTION_FAILED: EXIT.unreachable,
  CONNECTION_TIMEOUT: EXIT.unreachable,
  DATA_DIR_LOCKED: EXIT.dataDir,
  DATA_DIR_UNUSABLE: EXIT.dataDir,
  STORE_CORRUPT: EXIT.dataDir,
  STORE_VERSION: EXIT.dataDir,
  PASSWORD_REQUIRED: EXIT.dataDir,
  WRONG_PASSWORD: EXIT.dataDir,
  STORE_WRITE_FAILED: EXIT.dataDir,
  TRANSACTION_CONFLICTED: EXIT.refused,
  PAYLOAD_TOO_LARGE: EXIT.usage,
};

export function exitCodeOf(error: unknown): number {
  if (error instanceof NodeRefusal) return EXIT.refused;
  return (isCodedError(error) ? BY_CODE[error.code] : undefined) ?? EXIT.failure;
}

/** One line for a person: the error's message, with its code where it has one. */
function sentenceOf(error: unknown): string {
  const message = reasonOf(error)
    .replace(/\s*\n\s*/g, " ")
    .trim();
  const code = codeOf(error);
  return `counterpart: ${printable(message)}${code === undefined ? "" : ` (${printable(code)})`}`;
}

/** A compiler's complaints point with their lines at places in a source. */
function compilerLines(error: unknown): readonly string[] {
  if (!(error instanceof NodeRefusal) || error.code !== "COMPILATION_FAILED") return [];
  const { errors } = error.problem;
  const complaints = Array.isArray(errors) ? errors.filter((complaint) => typeof complaint === "string") : [];
  return complaints.flatMap((complaint) => complaint.split("\n")).map((line) => `  ${printable(line)}\n`);
}

const codeOf = (error: unknown): string | undefined =>
  isCodedError(error) || error instanceof NodeRefusal ? error.code : undefined;

/** For what goes wrong on this side. */
const LOCAL_HINTS: Readonly<Partial<Record<CodedError["code"], string>>> = {
  CONNECTION_FAILED: "--url is the address of the node's API, which it prints when it starts; peers have another port",
  CONNECTION_TIMEOUT: "counterpart doctor looks at the node; --timeout-ms waits longer",
  PORT_IN_USE:
    "does a node run there already? else choose with --api-port, --p2p-port or --ws-port; 0 takes a free one",
  DATA_DIR_LOCKED: "stop the node that uses it, or name another --data-dir",
  PRUNED: "--from names the first block: a node that took a state over has the blocks after it",
  NOT_READY: "start the node and let it finish; counterpart status --watch shows how far it has come",
};

const after = (hint: string | undefined): string => (hint === undefined ? "" : `; ${hint}`);

function hintFor(error: unknown): string | undefined {
  if (error instanceof NodeRefusal) {
    const { retryAfterSeconds: seconds } = error;
    return seconds === undefined ? hintOf(error) : `try again in ${seconds} s${after(hintOf(error))}`;
  }
  if (!isCodedError(error)) return undefined;
  const { advice } = error.details;
  return typeof advice === "string" ? advice : LOCAL_HINTS[error.code];
}

/** The sentence, and what to do about it where that is known. */
export function complaintOf(error: unknown): string {
  const lines = compilerLines(error);
  if (lines.length > 0) return `counterpart: the source does not compile (COMPILATION_FAILED)\n${lines.join("")}`;
  const hint = hintFor(error);
  return hint === undefined ? `${sentenceOf(error)}\n` : `${sentenceOf(error)}\n  ${hint}\n`;
}

/** The same as one line of JSON, for `--json`: the node's whole problem document where it gave one. */
export function complaintJson(error: unknown): string {
  const message = reasonOf(error);
  const hint = hintFor(error);
  const problem = error instanceof NodeRefusal ? { status: error.status, problem: error.problem } : {};
  return `${JSON.stringify({ error: { code: codeOf(error) ?? null, message, hint: hint ?? null, ...problem } })}\n`;
}
