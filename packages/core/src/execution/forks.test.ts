/** What only some forks have, and what no block of this chain has but other chains' blocks do. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bytesToHex, concatBytes, type Hex, hexToBytes } from "../base/bytes.ts";
import { EMPTY_CODE_HASH } from "../chain/header.ts";
import { keccak256Hex } from "../crypto/crypto.ts";
import { blobBaseFeeOf, GAS_PER_BLOB } from "./blob-gas.ts";
import { createExecutor } from "./executor.ts";
import {
  assemble,
  blockContext,
  COINBASE,
  create2Address,
  ETHER,
  returning,
  slotOf,
  words,
} from "./fixtures.test-support.ts";
import { FORKS, type Fork } from "./fork.ts";
import { createMemoryState, type MemoryState } from "./memory-state.test-support.ts";
import { rulesOf } from "./rules.ts";
import type { ExecutableTransaction, TransactionOutcome } from "./types.ts";

const SENDER: Hex = `0x${"5e".repeat(20)}`;
const CONTRACT: Hex = `0x${"c0".repeat(20)}`;

function stateWith(code: Uint8Array, slots: ReadonlyMap<Hex, bigint> = new Map(), balance = ETHER): MemoryState {
  const state = createMemoryState();
  const codeHash = keccak256Hex(code);
  state.apply({
    accounts: new Map([
      [SENDER, { nonce: 0n, balance, codeHash: EMPTY_CODE_HASH }],
      [CONTRACT, { nonce: 1n, balance: 5n, codeHash }],
    ]),
    storage: new Map([[CONTRACT, slots]]),
    codes: new Map([[codeHash, code]]),
  });
  return state;
}

const transactionTo = (parts: Partial<ExecutableTransaction> = {}): ExecutableTransaction => ({
  type: 0,
  sender: SENDER,
  nonce: 0n,
  gasLimit: 1_000_000n,
  maxFeePerGas: 0n,
  maxPriorityFeePerGas: 0n,
  to: CONTRACT,
  value: 0n,
  data: new Uint8Array(0),
  accessList: [],
  authorizationList: [],
  ...parts,
});

async function begin(fork: Fork, state: MemoryState, change: Parameters<typeof blockContext>[0] = {}) {
  return createExecutor({ chainId: 1, fork }).begin(blockContext(change), state);
}

async function outcomeOf(fork: Fork, code: Uint8Array): Promise<TransactionOutcome> {
  const outcome = await (await begin(fork, stateWith(code))).run(transactionTo());
  assert.ok(outcome.valid);
  return outcome;
}

/** The first fork in which code runs without a halt. */
async function firstFork(code: Uint8Array): Promise<Fork | undefined> {
  for (const fork of FORKS) if ((await outcomeOf(fork, code)).status === "success") return fork;
  return undefined;
}

describe("an opcode", () => {
  const introduced: readonly (readonly [Fork, Hex])[] = [
    ["frontier", "0x60016002010000"],
    ["homestead", "0x600060006000600060006000f400"],
    ["byzantium", "0x3d00"],
    ["byzantium", "0x600060006000600060006000fa00"],
    ["constantinople", "0x600160011b00"],
    ["constantinople", "0x60003f00"],
    ["constantinople", "0x6000600060006000f500"],
    ["istanbul", "0x4600"],
    ["istanbul", "0x4700"],
    ["london", "0x4800"],
    ["shanghai", "0x5f00"],
    ["cancun", "0x60005c00"],
    ["cancun", "0x6000600060005e00"],
    ["cancun", "0x60004900"],
    ["cancun", "0x4a00"],
    ["osaka", "0x60001e00"],
  ];
  for (const [fork, code] of introduced) {
    it(`is there since ${fork}: ${code}`, async () => {
      assert.equal(await firstFork(hexToBytes(code)), fork);
    });
  }
});

describe("a self-destruction", () => {
  it("before Cancun takes away what the state beneath stores, also when the address is used again", async () => {
    const state = stateWith(assemble("CALLER SELFDESTRUCT"), new Map([[slotOf(1n), 7n]]));
    const execution = await begin("shanghai", state);
    await execution.run(transactionTo());
    await execution.run(transactionTo({ nonce: 1n, value: 3n }));
    const changes = execution.finish();
    assert.deepEqual(changes.accounts.get(CONTRACT), { nonce: 0n, balance: 3n, codeHash: EMPTY_CODE_HASH });
    assert.deepEqual([...(changes.cleared ?? [])], [CONTRACT]);
    state.apply(changes);
    assert.equal(state.storage(CONTRACT, slotOf(1n)), 0n);
  });

  it("before Cancun is followed by what the contract stores when it is made again in the block, though it had that before", async () => {
    const factory = assemble(
      "CALLDATASIZE PUSH1 0x00 DUP1 CALLDATACOPY PUSH1 0x00 CALLDATASIZE PUSH1 0x00 DUP1 CREATE2",
    );
    const state = stateWith(factory);
    const runtime = assemble("PUSH1 0x00 SLOAD POP CALLER SELFDESTRUCT");
    const init = concatBytes(
      assemble(
        "PUSH1 0x05 PUSH1 0x00 SSTORE PUSH1 0x06 PUSH1 0x12 PUSH1 0x00 CODECOPY PUSH1 0x06 PUSH1 0x00 RETURN STOP",
      ),
      runtime,
    );
    const child = create2Address(CONTRACT, init);
    const makes = (nonce: bigint) => transactionTo({ nonce, data: init });
    const first = await begin("shanghai", state);
    await first.run(makes(0n));
    state.apply(first.finish());
    const root = state.account(child)?.storageRoot;
    assert.equal(state.storage(child, slotOf(0n)), 5n);
    const second = await begin("shanghai", state);
    for (const transaction of [transactionTo({ nonce: 1n, to: child }), makes(2n)]) {
      const outcome = await second.run(transaction);
      assert.ok(outcome.valid && outcome.status === "success");
    }
    const changes = second.finish();
    assert.deepEqual(
      [[...(changes.cleared ?? [])], changes.storage.get(child)],
      [[child], new Map([[slotOf(0n), 5n]])],
    );
    state.apply(changes);
    assert.deepEqual([state.storage(child, slotOf(0n)), state.account(child)?.storageRoot], [5n, root]);
  });
});

describe("the state between transactions", () => {
  // SSTORE(CALLDATALOAD(0), CALLDATALOAD(32)); without calldata SELFDESTRUCT to the caller.
  const code = hexToBytes("0x6020356000355536600d5733ff5b00");
  const steps = [
    { data: words(1n, 5n) },
    { data: words(2n, 9n) },
    { data: words(1n, 7n) },
    { data: new Uint8Array(0) },
    { value: 3n },
    { data: words(2n, 4n) },
  ].map((parts, nonce) => transactionTo({ nonce: BigInt(nonce), ...parts }));

  it("is the one after as many transactions, with slots set back and contracts removed in between", async () => {
    const fresh = () => stateWith(code, new Map([[slotOf(1n), 7n]]));
    for (const fork of ["frontier", "spurious"] as const) {
      const between = fresh();
      const whole = await begin(fork, fresh());
      for (const [index, step] of steps.entries()) {
        const outcome = await whole.run(step);
        assert.ok(outcome.valid && outcome.status === "success", `${fork} ${index}`);
        between.apply(whole.lastSeen());
        const after = fresh();
        const part = await begin(fork, after);
        for (const earlier of steps.slice(0, index + 1)) await part.run(earlier);
        after.apply(part.finish());
        assert.equal(between.root(), after.root(), `${fork} ${index}`);
      }
    }
  });
});

describe("a reward", () => {
  it("adds to a balance, and makes an account even of nothing where empty accounts exist", async () => {
    const changesOf = async (fork: Fork, amount: bigint) => {
      const execution = await begin(fork, stateWith(words()));
      execution.credit(SENDER, amount);
      execution.credit(COINBASE, 0n);
      return execution.finish().accounts;
    };
    const empty = { nonce: 0n, balance: 0n, codeHash: EMPTY_CODE_HASH };
    assert.deepEqual(
      await changesOf("homestead", 2n),
      new Map([
        [SENDER, { ...empty, balance: ETHER + 2n }],
        [COINBASE, empty],
      ]),
    );
    assert.deepEqual(await changesOf("spurious", 0n), new Map());
  });
});

describe("gas beyond 2^53", () => {
  const gasLimit = 2n ** 63n - 1n;
  const huge = { gasLimit: 2 ** 63 };

  it("is shown, passed on and charged exactly", async () => {
    const state = stateWith(returning("GAS"), new Map(), 2n ** 200n);
    const execution = await begin("shanghai", state, huge);
    const outcome = await execution.run(transactionTo({ gasLimit, maxFeePerGas: 3n, maxPriorityFeePerGas: 3n }));
    assert.ok(outcome.valid);
    assert.equal(BigInt(bytesToHex(outcome.output)), gasLimit - 21_000n - 2n);
    const balance = execution.finish().accounts.get(SENDER)?.balance;
    assert.equal(balance, 2n ** 200n - 3n * BigInt(outcome.gasUsed));
  });

  it("is all gone when code halts", async () => {
    const state = stateWith(assemble("INVALID"), new Map(), 2n ** 200n);
    const execution = await begin("shanghai", state, huge);
    await execution.run(transactionTo({ gasLimit, maxFeePerGas: 1n, maxPriorityFeePerGas: 1n }));
    const changes = execution.finish();
    assert.equal(changes.accounts.get(SENDER)?.balance, 2n ** 200n - gasLimit);
    assert.equal(changes.accounts.get(COINBASE)?.balance, gasLimit);
  });
});

describe("a blob transaction", () => {
  const hash: Hex = `0x01${"bb".repeat(31)}`;
  const blob = { type: 3, blobVersionedHashes: [hash], maxFeePerBlobGas: 2n } as const;

  it("shows its hashes and pays for its blobs", async () => {
    const state = stateWith(returning("PUSH0 BLOBHASH"));
    const execution = await begin("cancun", state, { blobBaseFee: 2n });
    const outcome = await execution.run(transactionTo(blob));
    assert.ok(outcome.valid);
    assert.equal(bytesToHex(outcome.output), hash);
    assert.equal(execution.finish().accounts.get(SENDER)?.balance, ETHER - 2n * GAS_PER_BLOB);
  });

  it("is refused before Cancun, without or with too many blobs, below the price, and with unknown hashes", async () => {
    const refused = async (fork: Fork, parts: Partial<ExecutableTransaction>): Promise<string> => {
      const execution = await begin(fork, stateWith(words()), { blobBaseFee: 2n });
      const outcome = await execution.run(transactionTo({ ...blob, ...parts }));
      assert.ok(!outcome.valid);
      return outcome.message;
    };
    assert.match(await refused("shanghai", {}), /type 3/);
    assert.match(await refused("cancun", { blobVersionedHashes: [] }), /needs a blob/);
    assert.match(await refused("osaka", { blobVersionedHashes: Array(7).fill(hash) }), /more than 6/);
    assert.match(await refused("cancun", { maxFeePerBlobGas: 1n }), /below 2/);
    assert.match(await refused("cancun", { blobVersionedHashes: [slotOf(1n)] }), /unknown version/);
  });

  it("is held to other limits where a block has them (EIP-7892)", async () => {
    const limits = { perTransactionMax: 6, perBlockMax: 7, updateFraction: 1n };
    const executor = createExecutor({ chainId: 1, fork: "osaka", blobs: limits });
    const block = await executor.begin(blockContext({ blobBaseFee: 1n }), stateWith(words()));
    const blobs = (nonce: bigint, count: number) =>
      block.run(transactionTo({ type: 3, nonce, maxFeePerBlobGas: 1n, blobVersionedHashes: Array(count).fill(hash) }));
    assert.equal((await blobs(0n, 6)).valid, true);
    assert.equal((await blobs(1n, 2)).valid, false);
    assert.equal((await blobs(1n, 1)).valid, true);
  });

  it("is priced by the excess of blob gas (EIP-4844)", () => {
    const fraction = rulesOf("cancun").blobs?.updateFraction ?? 0n;
    assert.equal(blobBaseFeeOf(0n, fraction), 1n);
    assert.equal(blobBaseFeeOf(2_314_058n, fraction), 2n);
    assert.equal(blobBaseFeeOf(10n * 1024n * 1024n, fraction), 23n);
  });
});
