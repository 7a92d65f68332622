/** What the tests of this folder share: keys, a block's context, a small assembler, and contracts written with it. */

import { generateAddress2 } from "@ethereumjs/util";
import { bytesToHex, concatBytes, type Hex, hexToBytes } from "../base/bytes.ts";
import { assert } from "../base/errors.ts";
import { DEV_GENESIS, genesisAlloc } from "../chain/genesis.ts";
import { EMPTY_CODE_HASH } from "../chain/header.ts";
import { signTransaction } from "../chain/transaction.ts";
import type { UnsignedTransaction } from "../chain/transaction-fields.ts";
import type { Transaction } from "../chain/types.ts";
import { keccak256, privateKeyToAddress, signDigest } from "../crypto/crypto.ts";
import { createMemoryState, type MemoryState } from "./memory-state.test-support.ts";
import type { BlockContext } from "./types.ts";

export const CHAIN_ID = DEV_GENESIS.chainId;
export const ETHER = 10n ** 18n;
export const COINBASE: Hex = `0x${"cb".repeat(20)}`;

export interface TestAccount {
  readonly key: Uint8Array;
  readonly address: Hex;
}

/** An account made of a number, the same each time. */
export function testAccount(index: number): TestAccount {
  const key = keccak256(new Uint8Array([index, 1, 2, 3]));
  return { key, address: privateKeyToAddress(key) };
}

/** Address of the contract that `creator` creates with CREATE2 and a salt of zero (EIP-1014). */
export const create2Address = (creator: Hex, code: Uint8Array): Hex =>
  bytesToHex(generateAddress2(hexToBytes(creator), new Uint8Array(32), code));

export const ALICE = testAccount(1);
export const BOB = testAccount(2);

/** The development genesis, with 100 ether for some more accounts. */
export function fundedState(...accounts: readonly TestAccount[]): MemoryState {
  const state = createMemoryState();
  const alloc = genesisAlloc(DEV_GENESIS);
  const funded = accounts.map(
    ({ address }) => [address, { balance: 100n * ETHER, nonce: 0n, codeHash: EMPTY_CODE_HASH }] as const,
  );
  state.apply({ ...alloc, accounts: new Map([...alloc.accounts, ...funded]) });
  return state;
}

export function blockContext(change: Partial<BlockContext> = {}): BlockContext {
  return {
    number: 1,
    timestamp: DEV_GENESIS.timestamp + 10,
    coinbase: COINBASE,
    gasLimit: DEV_GENESIS.gasLimit,
    baseFeePerGas: 0n,
    prevRandao: bytesToHex(keccak256(new Uint8Array([7]))),
    parentHash: bytesToHex(keccak256(new Uint8Array([8]))),
    parentBeaconBlockRoot: `0x${"00".repeat(32)}`,
    blockHash: (number) => bytesToHex(keccak256(new Uint8Array([number & 255, number >> 8]))),
    ...change,
  };
}

export type TransactionParts = Partial<UnsignedTransaction> & { readonly from: TestAccount };

/** A signed transaction of type 2 with a gas price of 0, unless `parts` say otherwise. */
export function transaction({ from, ...parts }: TransactionParts): Transaction {
  const unsigned: UnsignedTransaction = {
    type: 2,
    chainId: BigInt(CHAIN_ID),
    nonce: 0n,
    gasLimit: 2_000_000n,
    maxFeePerGas: 0n,
    maxPriorityFeePerGas: 0n,
    value: 0n,
    data: new Uint8Array(0),
    ...parts,
  };
  return signTransaction(unsigned, (digest) => signDigest(digest, from.key));
}

const OPCODES: Readonly<Record<string, number>> = {
  STOP: 0x00,
  ADD: 0x01,
  SUB: 0x03,
  ISZERO: 0x15,
  NOT: 0x19,
  ADDRESS: 0x30,
  BALANCE: 0x31,
  ORIGIN: 0x32,
  CALLER: 0x33,
  CALLVALUE: 0x34,
  CALLDATALOAD: 0x35,
  CALLDATASIZE: 0x36,
  CALLDATACOPY: 0x37,
  CODECOPY: 0x39,
  GASPRICE: 0x3a,
  EXTCODESIZE: 0x3b,
  EXTCODEHASH: 0x3f,
  BLOCKHASH: 0x40,
  COINBASE: 0x41,
  TIMESTAMP: 0x42,
  NUMBER: 0x43,
  PREVRANDAO: 0x44,
  GASLIMIT: 0x45,
  CHAINID: 0x46,
  SELFBALANCE: 0x47,
  BASEFEE: 0x48,
  BLOBHASH: 0x49,
  BLOBBASEFEE: 0x4a,
  POP: 0x50,
  MLOAD: 0x51,
  MSTORE: 0x52,
  SLOAD: 0x54,
  EXP: 0x0a,
  KECCAK256: 0x20,
  SSTORE: 0x55,
  JUMP: 0x56,
  JUMPI: 0x57,
  GAS: 0x5a,
  JUMPDEST: 0x5b,
  TLOAD: 0x5c,
  TSTORE: 0x5d,
  PUSH0: 0x5f,
  PUSH1: 0x60,
  PUSH2: 0x61,
  PUSH20: 0x73,
  DUP1: 0x80,
  DUP2: 0x81,
  SWAP1: 0x90,
  LOG2: 0xa2,
  CREATE: 0xf0,
  CALL: 0xf1,
  RETURN: 0xf3,
  CREATE2: 0xf5,
  STATICCALL: 0xfa,
  REVERT: 0xfd,
  INVALID: 0xfe,
  SELFDESTRUCT: 0xff,
};

/** Bytes of mnemonics and of hex operands, as in `PUSH1 0x20 CALLDATALOAD`. */
export function assemble(source: string): Uint8Array {
  const parts = source
    .trim()
    .split(/\s+/)
    .map((token) => {
      if (token.startsWith("0x")) return hexToBytes(token);
      const opcode = OPCODES[token];
      assert(opcode !== undefined, `unknown mnemonic ${token}`);
      return new Uint8Array([opcode]);
    });
  return concatBytes(...parts);
}

/** Initcode that deploys `runtime`, after running `prelude`. */
export function initcode(runtime: Uint8Array, prelude: Uint8Array = new Uint8Array(0)): Uint8Array {
  const size = bytesToHex(new Uint8Array([runtime.length >> 8, runtime.length & 255]));
  const offset = bytesToHex(new Uint8Array([prelude.length + 10]));
  const tail = assemble(`PUSH2 ${size} DUP1 PUSH1 ${offset} PUSH0 CODECOPY PUSH0 RETURN`);
  return concatBytes(prelude, tail, runtime);
}

/** 32-byte words, as calldata. */
export function words(...values: readonly (bigint | Hex)[]): Uint8Array {
  return concatBytes(...values.map((value) => hexToBytes(`0x${BigInt(value).toString(16).padStart(64, "0")}`)));
}

export const slotOf = (value: bigint): Hex => bytesToHex(words(value));

/** storage[calldata[0]] = calldata[1]; reverts with calldata[2] when that is not zero. */
export const STORE = assemble(`
  PUSH1 0x20 CALLDATALOAD PUSH0 CALLDATALOAD SSTORE
  PUSH1 0x40 CALLDATALOAD DUP1 ISZERO PUSH1 0x14 JUMPI
  PUSH0 MSTORE PUSH1 0x20 PUSH0 REVERT
  JUMPDEST STOP`);

/** Calls the address in calldata[0] with the rest of calldata and its value; storage[0] = whether that succeeded. */
export const FORWARD = assemble(`
  PUSH0 PUSH0 PUSH1 0x20 CALLDATASIZE SUB DUP1 PUSH1 0x20 PUSH0 CALLDATACOPY
  PUSH0 CALLVALUE PUSH0 CALLDATALOAD GAS CALL PUSH0 SSTORE STOP`);

/** Creates a contract from calldata with CREATE; storage[0] = its address. */
export const FACTORY = assemble(`
  CALLDATASIZE PUSH0 PUSH0 CALLDATACOPY CALLDATASIZE PUSH0 CALLVALUE CREATE PUSH0 SSTORE STOP`);

/** Creates a contract from calldata with CREATE2 and salt 0; storage[1] = its address. */
export const FACTORY2 = assemble(`
  CALLDATASIZE PUSH0 PUSH0 CALLDATACOPY PUSH0 CALLDATASIZE PUSH0 CALLVALUE CREATE2 PUSH1 0x01 SSTORE STOP`);

/** Gives its balance to its caller and asks to be destroyed. */
export const DESTROY = assemble("CALLER SELFDESTRUCT");

/** Logs calldata[0] with the topics calldata[1] and calldata[2]. */
export const LOGGER = assemble(`
  PUSH0 CALLDATALOAD PUSH0 MSTORE PUSH1 0x40 CALLDATALOAD PUSH1 0x20 CALLDATALOAD PUSH1 0x20 PUSH0 LOG2 STOP`);

/** Returns the word that `expression` leaves on the stack. */
export const returning = (expression: string): Uint8Array =>
  assemble(`${expression} PUSH0 MSTORE PUSH1 0x20 PUSH0 RETURN`);
