import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

/** Compiles for minutes. */
const SLOW = `
  import { createCompiler } from "${new URL("./compiler.ts", import.meta.url)}";
  const functions = Array.from({ length: 2_000 }, (_, n) =>
    \`function f\${n}(uint256 a, uint256 b) public pure returns (uint256) { return a * b + \${n} * (a ** 3) % (b + 1); }\`);
  const source = \`pragma solidity ^0.8.0; contract A { \${functions.join(" ")} }\`;
  await createCompiler()({ sources: { "a.sol": source }, optimizerRuns: 200, viaIr: true });
`;

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);

/** Nobody may be there to take note of its end. */
function isRunning(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await delay(20);
}

test("a compiler ends with the process that started it, however that ends", async () => {
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    const parent = spawn(process.execPath, ["--input-type=module", "--eval", SLOW], { stdio: "inherit" });
    const pid = parent.pid as number;
    await until(() => childrenOf(pid).length > 0);
    const [compiler] = childrenOf(pid) as [number];
    // Until it compiles: it has read its input then, and a thread is at work.
    await delay(1_500);
    assert.ok(isRunning(compiler));
    parent.kill(signal);
    await until(() => !isRunning(compiler));
  }
});
