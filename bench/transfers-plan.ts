/** A token with many holders in a genesis, and signed transfers of it: the same for every node that is measured. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { signTransaction } from "@counterpart/core/chain/transaction";
import { keccak256, privateKeyToAddress, signDigest, useCrypto } from "@counterpart/core/crypto/crypto";
import solc from "solc";
import { encodeAbiParameters, encodeFunctionData, parseAbi, toHex } from "viem";
import { createNativeCrypto } from "../packages/node/src/crypto/native.ts";
import type { RichAccount } from "./hardhat.ts";

export const CHAIN_ID = 4_242;
export const TOKEN: Hex = "0x00000000000000000000000000000000000070cc";
const GENESIS_SECONDS = 1_767_225_600;
export const BLOCK_GAS = 1_000_000_000;
const FUNDS = 10n ** 24n;
const HELD = 10n ** 18n;
const AMOUNT = 1n;
const GAS = 60_000n;
const FEE = 100n * 10n ** 9n;
export const ABI = parseAbi([
  "function transfer(address to, uint256 amount) returns (bool)",
  "function balanceOf(address account) view returns (uint256)",
]);

export interface TransferPlan {
  readonly genesis: object;
  /** The same as geth writes it. */
  readonly gethGenesis: object;
  /** What accounts have in it. */
  readonly alloc: Readonly<Record<string, RichAccount>>;
  /** Signed transactions of some senders each, every one after those of its sender with lower nonces. */
  readonly lanes: readonly (readonly Hex[])[];
  /** A few of those who receive, with what they have in the end. */
  readonly balances: ReadonlyMap<Hex, bigint>;
}

export interface TransferSize {
  readonly transactions: number;
  readonly senders: number;
  readonly holders: number;
  readonly lanes: number;
}

const SOURCE = `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.0;
import "@openzeppelin/contracts/token/ERC20/ERC20.sol";
contract Token is ERC20 { constructor() ERC20("Bench", "BENCH") {} }`;

/** What runs of OpenZeppelin's ERC-20, whose balances are at slot 0 and whose total supply is at slot 2. */
function tokenCode(): Hex {
  const require = createRequire(import.meta.url);
  const input = {
    language: "Solidity",
    sources: { "Token.sol": { content: SOURCE } },
    settings: {
      optimizer: { enabled: true, runs: 200 },
      evmVersion: "cancun",
      outputSelection: { "*": { Token: ["evm.deployedBytecode.object"] } },
    },
  };
  const read = (path: string) => ({ contents: readFileSync(require.resolve(path), "utf8") });
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: read }));
  const code = output.contracts?.["Token.sol"]?.Token?.evm.deployedBytecode.object;
  if (typeof code !== "string") throw new Error(`the token does not compile: ${JSON.stringify(output.errors)}`);
  return `0x${code}`;
}

const keyOf = (index: number): Uint8Array => keccak256(new TextEncoder().encode(`sender ${index}`));
const holderOf = (index: number): Hex =>
  bytesToHex(keccak256(new TextEncoder().encode(`holder ${index}`)).subarray(12));

const ADDRESS_AND_SLOT = [{ type: "address" }, { type: "uint256" }] as const;
const balanceSlot = (address: Hex): Hex =>
  bytesToHex(keccak256(hexToBytes(encodeAbiParameters(ADDRESS_AND_SLOT, [address, 0n]))));

export async function planTransfers(size: TransferSize): Promise<TransferPlan> {
  useCrypto(await createNativeCrypto());
  const keys = Array.from({ length: size.senders }, (_, index) => keyOf(index));
  const senders = keys.map(privateKeyToAddress);
  const holders = Array.from({ length: size.holders }, (_, index) => holderOf(index));
  const held = toHex(HELD, { size: 32 });
  const storage = Object.fromEntries([...senders, ...holders].map((address) => [balanceSlot(address), held]));
  storage[toHex(2n, { size: 32 })] = toHex(HELD * BigInt(size.senders + size.holders), { size: 32 });
  const funded = Object.fromEntries(senders.map((address) => [address, { balance: toHex(FUNDS) }]));
  const received = new Map<Hex, bigint>();
  const lanes = Array.from({ length: size.lanes }, (): Hex[] => []);
  for (let index = 0; index < size.transactions; index++) {
    const sender = index % size.senders;
    // Spread over all holders, a large step apart.
    const to = holders[(index * 7_919) % size.holders] as Hex;
    received.set(to, (received.get(to) ?? HELD) + AMOUNT);
    const unsigned = {
      type: 2 as const,
      chainId: BigInt(CHAIN_ID),
      nonce: BigInt(Math.floor(index / size.senders)),
      gasLimit: GAS,
      maxFeePerGas: FEE,
      maxPriorityFeePerGas: 0n,
      to: TOKEN,
      value: 0n,
      data: hexToBytes(encodeFunctionData({ abi: ABI, functionName: "transfer", args: [to, AMOUNT] })),
    };
    const { raw } = signTransaction(unsigned, (digest) => signDigest(digest, keys[sender] as Uint8Array));
    lanes[sender % size.lanes]?.push(bytesToHex(raw));
  }
  const alloc: Record<string, RichAccount> = { ...funded, [TOKEN]: { balance: "0x0", code: tokenCode(), storage } };
  const chain = { chainId: CHAIN_ID, consensus: "poa", timestamp: GENESIS_SECONDS, gasLimit: BLOCK_GAS, alloc };
  return {
    genesis: chain,
    gethGenesis: {
      ...{ config: { chainId: CHAIN_ID }, difficulty: "0x0", alloc },
      ...{ timestamp: toHex(GENESIS_SECONDS), gasLimit: toHex(BLOCK_GAS) },
    },
    alloc,
    lanes,
    balances: new Map([...received].slice(0, 50)),
  };
}
