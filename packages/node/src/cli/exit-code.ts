/** What the process answers its caller with. */

import { type CodedError, isCodedError } from "@counterpart/core/base/errors";

export const EXIT = {
  /** Stopped as asked, or help or version shown. */
  ok: 0,
  /** An unexpected failure. */
  failure: 1,
  /** The command line, a variable, the configuration file or the genesis file is wrong. */
  usage: 2,
  /** A port is taken. */
  port: 3,
  /** The data directory is in use, unusable or of another version, or a key file in it is damaged. */
  dataDir: 4,
  /** No node answers at the address given. */
  unreachable: 5,
  /** Stopped as asked, by a node whose execution contradicts what most of its peers hold. */
  diverged: 6,
  /** The file of blocks is malformed, or one of its blocks breaks a rule. */
  chain: 7,
  /** Ended before its work was done, by Ctrl-C or by SIGTERM. */
  interrupted: 130,
  terminated: 143,
} as const;

const BY_CODE: Readonly<Partial<Record<CodedError["code"], number>>> = {
  INVALID_CONFIG: EXIT.usage,
  INVALID_GENESIS: EXIT.usage,
  DETACHED: EXIT.usage,
  PORT_IN_USE: EXIT.port,
  INVALID_CHAIN_FILE: EXIT.chain,
  INVALID_BLOCK: EXIT.chain,
  INVALID_HEADER: EXIT.chain,
  CONNECTION_REFUSED: EXIT.unreachable,
  CONNECTION_FAILED: EXIT.unreachable,
  DATA_DIR_LOCKED: EXIT.dataDir,
  DATA_DIR_UNUSABLE: EXIT.dataDir,
  STORE_CORRUPT: EXIT.dataDir,
  STORE_VERSION: EXIT.dataDir,
  STORE_WRITE_FAILED: EXIT.dataDir,
};

export function exitCodeOf(error: unknown): number {
  return (isCodedError(error) ? BY_CODE[error.code] : undefined) ?? EXIT.failure;
}

/** One line for a person: the error's message, with its code where it has one. */
export function sentenceOf(error: unknown): string {
  const message = (error instanceof Error ? error.message : String(error)).replace(/\s*\n\s*/g, " ").trim();
  return isCodedError(error) ? `counterpart: ${message} (${error.code})` : `counterpart: ${message}`;
}
