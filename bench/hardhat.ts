/** Hardhat's node, which wants a project of its own, and a state that is set row by row. */

import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Hex } from "viem";
import { postJson } from "./http.ts";

/** Calls in one JSON-RPC batch. */
const BATCH = 500;

export interface RichAccount {
  readonly balance: Hex;
  readonly code?: Hex;
  readonly storage?: Readonly<Record<string, Hex>>;
}

const modulesFolder = (): string => dirname(dirname(createRequire(import.meta.url).resolve("hardhat/package.json")));

/** Where its program is; undefined where it, or what it needs of this system, is not installed. */
export function hardhatProgram(): string | undefined {
  try {
    const program = join(modulesFolder(), "hardhat/dist/src/cli.js");
    createRequire(program)("@nomicfoundation/edr");
    return existsSync(program) ? program : undefined;
  } catch {
    return undefined;
  }
}

/** A folder that is a project with one network, called `node`. */
export function writeProject(folder: string, chainId: number, blockGasLimit: number): void {
  mkdirSync(folder, { recursive: true });
  const network = { type: "edr-simulated", chainId, hardfork: "osaka", blockGasLimit, initialBaseFeePerGas: 0 };
  // It runs only what is installed where it is called.
  symlinkSync(modulesFolder(), join(folder, "node_modules"));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "bench", private: true, type: "module" }));
  writeFileSync(
    join(folder, "hardhat.config.js"),
    `export default ${JSON.stringify({ networks: { node: network } })};\n`,
  );
}

/** Gives accounts what they have in the genesis of the others. */
export async function setState(url: string, alloc: Readonly<Record<string, RichAccount>>): Promise<void> {
  const calls: (readonly [string, readonly string[]])[] = [];
  for (const [address, { balance, code, storage }] of Object.entries(alloc)) {
    calls.push(["hardhat_setBalance", [address, balance]]);
    if (code !== undefined) calls.push(["hardhat_setCode", [address, code]]);
    for (const [slot, value] of Object.entries(storage ?? {})) {
      // A quantity, without leading zeros.
      calls.push(["hardhat_setStorageAt", [address, `0x${BigInt(slot).toString(16)}`, value]]);
    }
  }
  for (let at = 0; at < calls.length; at += BATCH) {
    const batch = calls.slice(at, at + BATCH).map(([method, params], id) => ({ jsonrpc: "2.0", id, method, params }));
    const replies = (await postJson(url, batch)) as unknown as readonly { readonly error?: unknown }[];
    const failed = replies.find(({ error }) => error !== undefined);
    if (failed !== undefined) throw new Error(`the state was not taken: ${JSON.stringify(failed)}`);
  }
}
