/** A disk without room, as the store sees it. */

import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { mock } from "node:test";

type Call = "fdatasyncSync" | "fsyncSync" | "ftruncateSync" | "rmSync";

/** A disk that takes so many bytes at once at the most. */
export function inPieces(bytesMax: number, work: () => void): void {
  const real = fs.writeSync;
  const write = (file: number, bytes: Uint8Array, at: number, length: number, position: number): number =>
    real(file, bytes, at, Math.min(length, bytesMax), position);
  const { mock: mocked } = mock.method(fs, "writeSync", write);
  syncBuiltinESMExports();
  try {
    work();
  } finally {
    mocked.restore();
    syncBuiltinESMExports();
  }
}

/**
 * Calls of the file system that fail meanwhile.
 * @param spared so many calls of each work before
 */
export function withoutRoom(calls: readonly Call[], work: () => void, spared = 0): void {
  const mocked = calls.map((name) => {
    const real: (...input: never[]) => unknown = fs[name];
    let made = 0;
    return mock.method(fs, name, (...input: never[]) => {
      if (made++ < spared) return real(...input);
      throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
    });
  });
  syncBuiltinESMExports();
  try {
    work();
  } finally {
    for (const { mock: one } of mocked) one.restore();
    syncBuiltinESMExports();
  }
}
