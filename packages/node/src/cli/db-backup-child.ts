/**
 * Run as a process of its own by `counterpart db backup`: copies the database, also while a node uses it, and prints a
 * line of JSON: an empty object when the copy is whole. Arguments: path of the database, path of the copy.
 */

import { argv } from "node:process";
import type { ErrorCode } from "@counterpart/core/base/error-catalogue";
import { isCodedError, reasonOf } from "@counterpart/core/base/errors";
import { endWithParent } from "../store/child.ts";
import { openSharedStore } from "../store/shared-store.ts";

/** What kept the copy from being made; no message when it was made. */
export interface BackupLine {
  readonly message?: string;
  readonly code?: ErrorCode;
}

const say = (line: BackupLine): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

endWithParent();
try {
  const store = openSharedStore(argv[2] ?? "");
  await store.copyTo(argv[3] ?? "");
  say({});
  await store.close();
} catch (error) {
  const message = reasonOf(error);
  say({ message, ...(isCodedError(error) ? { code: error.code } : {}) });
}
