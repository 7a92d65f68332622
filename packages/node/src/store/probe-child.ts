/**
 * Run as a process of its own by `probe.ts`: opens the database file named by the first argument and touches what a node
 * needs at once, because damage to LMDB's own pages ends a process with a signal. Prints `ok` when it got through.
 */

import { statSync } from "node:fs";
import { argv, exit, stdout } from "node:process";
import { open } from "lmdb";
import { endWithParent } from "./child.ts";

/** Rows at either end of each table: little enough to be quick where rows are large. */
const ROWS = 50;
const OPTIONS = { keyEncoding: "binary", encoding: "binary" } as const;

interface Stats {
  readonly lastPageNumber: number;
  readonly pageSize: number;
}

function walk(path: string): void {
  const root = open<Uint8Array, Uint8Array>({ path, maxDbs: 64, readOnly: true, ...OPTIONS });
  const { lastPageNumber, pageSize } = root.getStats() as Stats;
  const size = statSync(path).size;
  const needed = (lastPageNumber + 1) * pageSize;
  if (size < needed) throw new Error(`the file has ${size} bytes of ${needed}`);
  const names = [...root.getKeys()].map((name) => new TextDecoder().decode(name as unknown as Uint8Array));
  for (const name of names) {
    const table = root.openDB<Uint8Array, Uint8Array>({ name, ...OPTIONS });
    for (const reverse of [false, true]) {
      const rows = table.getRange({ limit: ROWS, reverse });
      for (const { key, value } of rows)
        if (key.length + value.length === 0) throw new Error(`an empty row in ${name}`);
    }
  }
}

endWithParent();
try {
  walk(argv[2] ?? "");
  stdout.write("ok\n");
  // At once: closing a damaged file may end in a signal after all.
  exit(0);
} catch (error) {
  stdout.write(`${error instanceof Error ? error.message : String(error)}\n`);
  exit(1);
}
