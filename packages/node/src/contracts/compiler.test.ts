import { spawn } from "node:child_process";
import { test } from "node:test";
import { firstChildOf, untilBusy, untilEnded } from "../store/processes.test-support.ts";

/** Compiles for minutes. */
const SLOW = `
  import { createCompiler } from "${new URL("./compiler.ts", import.meta.url)}";
  const functions = Array.from({ length: 2_000 }, (_, n) =>
    \`function f\${n}(uint256 a, uint256 b) public pure returns (uint256) { return a * b + \${n} * (a ** 3) % (b + 1); }\`);
  const source = \`pragma solidity ^0.8.0; contract A { \${functions.join(" ")} }\`;
  await createCompiler()({ sources: { "a.sol": source }, optimizerRuns: 200, viaIr: true });
`;

test("a compiler ends with the process that started it, however that ends", async () => {
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    const parent = spawn(process.execPath, ["--input-type=module", "--eval", SLOW], { stdio: "inherit" });
    const compiler = await firstChildOf(parent.pid as number);
    await untilBusy(compiler);
    parent.kill(signal);
    await untilEnded(compiler);
  }
});
