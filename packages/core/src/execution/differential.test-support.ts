/** Random transactions through the executor and through the one on the library: they must do the same. */

import assert from "node:assert/strict";
import { bytesToHex, type Hex } from "../base/bytes.ts";
import { EMPTY_CODE_HASH } from "../chain/header.ts";
import type { TransactionType } from "../chain/types.ts";
import { keccak256Hex } from "../crypto/crypto.ts";
import { createExecutor } from "./executor.ts";
import {
  ALICE,
  blockContext,
  CHAIN_ID,
  COINBASE,
  ETHER,
  slotOf,
  type TransactionParts,
  transaction,
} from "./fixtures.test-support.ts";
import { type Fork, isAtLeast } from "./fork.ts";
import { createLibraryExecutor } from "./library-executor.test-support.ts";
import { createMemoryState, type MemoryState } from "./memory-state.test-support.ts";
import { NOT_AN_OPCODE, opcodeTable } from "./opcodes.ts";
import { createDice, createProgram, type Dice, type Surroundings } from "./programs.test-support.ts";
import type { Executor, TransactionInvalid, TransactionOutcome } from "./types.ts";

const CONTRACTS: readonly Hex[] = ["c1", "c2", "c3", "c4"].map((byte): Hex => `0x${byte.repeat(20)}`);
const precompile = (number: number): Hex => `0x${number.toString(16).padStart(40, "0")}`;
const TARGETS: readonly Hex[] = [
  ...CONTRACTS,
  ...CONTRACTS,
  ALICE.address,
  COINBASE,
  `0x${"e1".repeat(20)}`,
  `0x${"e2".repeat(20)}`,
  ...[1, 2, 3, 4, 4, 9].map(precompile),
];
const TRANSACTIONS = 3;

function surroundingsOf(fork: Fork): Surroundings {
  const { stackMin } = opcodeTable(fork);
  return { targets: TARGETS, has: (code) => stackMin[code] !== NOT_AN_OPCODE };
}

/** A state with random contracts, which hold some funds. */
function randomState(dice: Dice, surroundings: Surroundings): MemoryState {
  const state = createMemoryState();
  const codes = CONTRACTS.map(() => createProgram(dice, surroundings));
  const hashes = codes.map((code) => keccak256Hex(code));
  state.apply({
    accounts: new Map([
      [ALICE.address, { nonce: 0n, balance: 100n * ETHER, codeHash: EMPTY_CODE_HASH }],
      ...CONTRACTS.map(
        (address, at) => [address, { nonce: 1n, balance: BigInt(at * 3), codeHash: hashes[at] as Hex }] as const,
      ),
    ]),
    storage: new Map(),
    codes: new Map(codes.map((code, at) => [hashes[at] as Hex, code])),
  });
  return state;
}

function randomTransaction(
  dice: Dice,
  surroundings: Surroundings,
  nonce: bigint,
  types: readonly TransactionType[],
): TransactionParts {
  const accessList = [{ address: dice.pick(CONTRACTS), storageKeys: [slotOf(BigInt(dice.below(3)))] }];
  const type = dice.pick(types);
  const data = createProgram(dice, surroundings);
  return {
    from: ALICE,
    type,
    nonce,
    gasLimit: BigInt(dice.below(4) === 0 ? 63_000 + dice.below(100_000) : 200_000 + dice.below(1_800_000)),
    maxFeePerGas: BigInt(dice.below(3)),
    maxPriorityFeePerGas: 0n,
    value: BigInt(dice.below(3)),
    data: data.subarray(0, 400),
    ...(type > 0 && dice.below(2) === 0 ? { accessList } : {}),
    ...(dice.below(4) === 0 ? {} : { to: dice.pick(CONTRACTS) }),
  };
}

/** What both must agree on. The library's reasons for a halt are its own. */
function comparable(outcome: TransactionOutcome | TransactionInvalid) {
  if (!outcome.valid) return outcome.reason;
  const { status, gasUsed, logs, output, contractAddress } = outcome;
  return { succeeds: status === "success", gasUsed, logs, output: bytesToHex(output), contractAddress };
}

function typesOf(fork: Fork): TransactionType[] {
  if (isAtLeast(fork, "london")) return [0, 1, 2];
  return isAtLeast(fork, "berlin") ? [0, 1] : [0];
}

export interface Pair {
  readonly fork: Fork;
  readonly ours: Executor;
  readonly theirs: Executor;
}

export const createPair = (fork: Fork): Pair => ({
  fork,
  ours: createExecutor({ chainId: CHAIN_ID, fork }),
  theirs: createLibraryExecutor({ chainId: CHAIN_ID, fork }),
});

/** Runs one random block through both. Gives how many of its transactions succeeded. */
export async function compare({ fork, ours, theirs }: Pair, seed: number): Promise<number> {
  const dice = createDice(seed);
  const surroundings = surroundingsOf(fork);
  const state = randomState(dice, surroundings);
  const context = blockContext({ number: 300, difficulty: 12_345n });
  const mine = await ours.begin(context, state);
  const library = await theirs.begin(context, state);
  let succeeded = 0;
  for (let nonce = 0n, at = 0; at < TRANSACTIONS; at++) {
    const each = transaction(randomTransaction(dice, surroundings, nonce, typesOf(fork)));
    const outcome = await mine.run(each);
    const label = `${fork}, seed ${seed}, transaction ${at}`;
    assert.deepEqual(comparable(outcome), comparable(await library.run(each)), label);
    if (!outcome.valid) continue;
    nonce++;
    if (outcome.status === "success") succeeded++;
  }
  const [a, b] = [mine, library].map((execution) => {
    const after = randomState(createDice(seed), surroundings);
    after.apply(execution.finish());
    return after.root();
  });
  assert.equal(a, b, `${fork}, seed ${seed}: state root`);
  return succeeded;
}
