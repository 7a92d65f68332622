/** A project of Hardhat, whose scripts run in processes of their own against a node, as a stranger's would. */

import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;
const TIMEOUT_MS = 240_000;

const modulesFolder = (): string => dirname(dirname(createRequire(import.meta.url).resolve("hardhat/package.json")));

/** Whether Hardhat runs here: its native part is not installed by every version of npm and Node. */
export function hasHardhat(): boolean {
  try {
    createRequire(join(modulesFolder(), "hardhat/package.json"))("@nomicfoundation/edr");
    return existsSync(join(modulesFolder(), "hardhat/dist/src/cli.js"));
  } catch {
    return false;
  }
}

const CONFIG = `import ethers from "@nomicfoundation/hardhat-ethers";
import ignition from "@nomicfoundation/hardhat-ignition";
import ignitionEthers from "@nomicfoundation/hardhat-ignition-ethers";
import helpers from "@nomicfoundation/hardhat-network-helpers";
import verify from "@nomicfoundation/hardhat-verify";
export default {
  plugins: [ethers, helpers, verify, ignition, ignitionEthers],
  networks: { counterpart: { type: "http", url: process.env.NODE_URL, accounts: "remote" } },
};
`;

const MARK = "RESULT ";
/** Scripts see a connection as \`connection\` and give what they found to \`done\`. */
const PREAMBLE = `import assert from "node:assert/strict";
import { network } from "hardhat";
const connection = await network.create("counterpart");
const done = (found) => console.log("${MARK}" + JSON.stringify(found, (_, value) => typeof value === "bigint" ? String(value) : value));
`;

export class HardhatProject implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "counterpart-hardhat-"));

  constructor() {
    // It runs only what is installed where it is called.
    symlinkSync(modulesFolder(), join(this.#folder, "node_modules"));
    this.write("package.json", JSON.stringify({ name: "strange", private: true, type: "module" }));
    this.write("hardhat.config.js", CONFIG);
  }

  write(name: string, content: string): void {
    writeFileSync(join(this.#folder, name), content);
  }

  /** What the script gives to `done`. @throws Error with what it printed, when it fails */
  async script<T>(url: string, source: string): Promise<T> {
    this.write("script.js", `${PREAMBLE}${source}`);
    const program = join(modulesFolder(), "hardhat/dist/src/cli.js");
    const { stdout } = await run(process.execPath, [program, "run", "--no-compile", "script.js"], {
      cwd: this.#folder,
      maxBuffer: OUTPUT_BYTES_MAX,
      timeout: TIMEOUT_MS,
      env: { ...process.env, NODE_URL: url, HARDHAT_DISABLE_TELEMETRY_PROMPT: "true", NODE_OPTIONS: "" },
    });
    const line = stdout.split("\n").find((text) => text.startsWith(MARK));
    if (line === undefined) throw new Error(`the script has no result: ${stdout}`);
    return JSON.parse(line.slice(MARK.length)) as T;
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
