/** Foundry's programs, run against a node as a person would run them. */

import { execFile } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const require = createRequire(import.meta.url);
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;
const TIMEOUT_MS = 240_000;

export type FoundryProgram = "anvil" | "cast" | "forge";

/** Where a program is; undefined on machines for which its package is not installed. */
export function foundryProgram(name: FoundryProgram): string | undefined {
  try {
    const folder = dirname(require.resolve(`@foundry-rs/${name}-linux-amd64/package.json`));
    const path = join(folder, "bin", name);
    return existsSync(path) ? path : undefined;
  } catch {
    return undefined;
  }
}

/** Forge wants a compiler that is a program: this is the one of the package `solc`, which is a library. */
const COMPILER = `const solc = require("solc");
const { readFileSync } = require("node:fs");
if (process.argv.includes("--version")) {
  const [, version] = /^(.*?)\\.Emscripten/.exec(solc.version()) ?? [];
  console.log("solc, the solidity compiler commandline interface\\nVersion: " + version + ".Linux.g++");
} else console.log(solc.compile(readFileSync(0, "utf8")));
`;

/** A folder for a project of Foundry, with what it may need of this machine. */
export class FoundryProject implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "counterpart-foundry-"));

  constructor() {
    const modules = dirname(dirname(require.resolve("solc/package.json")));
    this.write("solc.cjs", COMPILER.replace('require("solc")', `require(${JSON.stringify(join(modules, "solc"))})`));
    this.write(
      "solc",
      `#!/bin/sh\nexec ${JSON.stringify(process.execPath)} ${JSON.stringify(join(this.folder, "solc.cjs"))} "$@"\n`,
    );
    chmodSync(join(this.folder, "solc"), 0o755);
    this.write(
      "foundry.toml",
      `[profile.default]
src = "src"
solc = ${JSON.stringify(join(this.folder, "solc"))}
evm_version = "osaka"
remappings = ["@openzeppelin/=${join(modules, "@openzeppelin")}/"]
allow_paths = [${JSON.stringify(modules)}]
`,
    );
  }

  write(name: string, content: string): void {
    const path = join(this.folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }

  readJson<T>(name: string): T {
    return JSON.parse(readFileSync(join(this.folder, name), "utf8")) as T;
  }

  /** What the program printed. @throws Error with all its output, when it fails */
  async run(program: string, ...args: readonly string[]): Promise<string> {
    const { stdout } = await run(program, args, {
      cwd: this.folder,
      maxBuffer: OUTPUT_BYTES_MAX,
      timeout: TIMEOUT_MS,
      env: { ...process.env, HOME: this.folder, FOUNDRY_DISABLE_NIGHTLY_WARNING: "1", NO_COLOR: "1" },
    });
    return stdout.trim();
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
