/** Compiles Solidity in the test, as a stranger's project would, with OpenZeppelin from the package registry. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Abi, Hex } from "viem";

const require = createRequire(import.meta.url);

/** What a request to deploy a contract takes of it. */
export interface Compiled {
  readonly abi: Abi;
  readonly bytecode: Hex;
}

interface Code {
  readonly object: string;
}

interface Contract {
  readonly abi: Abi;
  readonly evm: { readonly bytecode: Code; readonly deployedBytecode: Code };
}

interface Output {
  readonly errors?: readonly { readonly severity: string; readonly formattedMessage: string }[];
  readonly contracts: Record<string, Record<string, Contract>>;
}

const OUTPUTS = ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"];

function contractOf(name: string, source: string): Contract {
  const solc = require("solc") as { compile(input: string, callbacks: object): string };
  const input = {
    language: "Solidity",
    sources: { "test.sol": { content: source } },
    settings: { optimizer: { enabled: true }, outputSelection: { "*": { "*": OUTPUTS } } },
  };
  const readImport = (path: string) => ({ contents: readFileSync(require.resolve(path), "utf8") });
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: readImport })) as Output;
  const failure = output.errors?.find(({ severity }) => severity === "error");
  const contract = output.contracts?.["test.sol"]?.[name];
  if (failure !== undefined || contract === undefined)
    throw new Error(failure?.formattedMessage ?? `no contract ${name}`);
  return contract;
}

/** The contract called `name` in `source`. */
export function compile(name: string, source: string): Compiled {
  const { abi, evm } = contractOf(name, source);
  return { abi, bytecode: `0x${evm.bytecode.object}` };
}

/** The code that the contract called `name` has once it is created. */
export const compileRuntime = (name: string, source: string): Hex =>
  `0x${contractOf(name, source).evm.deployedBytecode.object}`;

/** OpenZeppelin's ERC-20, with a supply for its deployer and a mint for everybody. */
export const compileErc20 = (): Compiled =>
  compile(
    "Coin",
    `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
contract Coin is ERC20 {
    constructor(string memory name_, uint256 supply) ERC20(name_, "COIN") { _mint(msg.sender, supply); }
    function mint(address to, uint256 amount) external { _mint(to, amount); }
}`,
  );
