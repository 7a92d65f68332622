import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Hex } from "../base/bytes.ts";
import { isCodedError } from "../base/errors.ts";
import { EMPTY_CODE_HASH } from "../chain/header.ts";
import { keccak256Hex } from "../crypto/crypto.ts";
import { EMPTY_TRIE_ROOT } from "../trie/types.ts";
import { slotOf } from "./fixtures.test-support.ts";
import { createMemoryState } from "./memory-state.test-support.ts";
import {
  changedState,
  movePrecompiles,
  overriddenState,
  overrideChanges,
  type Precompiles,
} from "./state-overrides.ts";
import type { StateChanges } from "./types.ts";

const address = (byte: string): Hex => `0x${byte.repeat(20)}`;
const [STORED, PLAIN, ABSENT] = [address("a1"), address("a2"), address("a3")];
const [ONE, TWO, THREE] = [slotOf(1n), slotOf(2n), slotOf(3n)];
const CODE = new Uint8Array([0x60, 0x00]);

/** An account that stores 11 and 22 in the slots 1 and 2, and one that stores nothing. */
function base() {
  const state = createMemoryState();
  state.apply({
    accounts: new Map([STORED, PLAIN].map((each) => [each, { nonce: 1n, balance: 5n, codeHash: EMPTY_CODE_HASH }])),
    storage: new Map([[STORED, new Map([[ONE, 11n] as const, [TWO, 22n] as const])]]),
    codes: new Map(),
  });
  return state;
}

describe("a state with overrides", () => {
  it("differs in what they name, and in nothing else", () => {
    const state = base();
    const read = overriddenState(
      state,
      new Map([
        [PLAIN, { balance: 9n, code: CODE }],
        [ABSENT, { nonce: 7n }],
      ]),
    );
    const codeHash = keccak256Hex(CODE);
    assert.deepEqual(read.account(PLAIN), { nonce: 1n, balance: 9n, codeHash, storageRoot: EMPTY_TRIE_ROOT });
    assert.deepEqual(read.code(codeHash), CODE);
    assert.equal(read.account(ABSENT)?.nonce, 7n);
    assert.deepEqual(read.account(STORED), state.account(STORED));
    assert.equal(state.account(ABSENT), undefined);
    assert.equal(overriddenState(state, new Map()), state);
  });

  it("stores all that `state` says and nothing more, or what `stateDiff` says beside the rest", () => {
    const whole = overriddenState(base(), new Map([[STORED, { state: new Map([[THREE, 33n]]) }]]));
    assert.deepEqual(
      [ONE, TWO, THREE].map((slot) => whole.storage(STORED, slot)),
      [0n, 0n, 33n],
    );
    const partly = overriddenState(
      base(),
      new Map([
        [
          STORED,
          {
            stateDiff: new Map([
              [TWO, 0n],
              [THREE, 33n],
            ]),
          },
        ],
      ]),
    );
    assert.deepEqual(
      [ONE, TWO, THREE].map((slot) => partly.storage(STORED, slot)),
      [11n, 0n, 33n],
    );
  });

  it("has storage where a creation must find some", () => {
    const rootOf = (override: object) =>
      overriddenState(base(), new Map([[STORED, override]])).account(STORED)?.storageRoot;
    assert.equal(rootOf({ state: new Map() }), EMPTY_TRIE_ROOT);
    assert.equal(rootOf({ state: new Map([[ONE, 0n]]) }), EMPTY_TRIE_ROOT);
    assert.notEqual(rootOf({ state: new Map([[ONE, 1n]]) }), EMPTY_TRIE_ROOT);
    assert.equal(rootOf({ nonce: 2n }), base().account(STORED)?.storageRoot);
  });

  it("is what the state becomes by the same changes", () => {
    const overrides = new Map([
      [STORED, { state: new Map([[THREE, 33n]]), nonce: 4n }],
      [ABSENT, { balance: 1n, stateDiff: new Map([[ONE, 1n]]) }],
    ]);
    const [state, read] = [base(), overriddenState(base(), overrides)];
    state.apply(overrideChanges(state, overrides));
    for (const each of [STORED, PLAIN, ABSENT]) {
      const { storageRoot: _, ...account } = state.account(each) ?? { storageRoot: "" };
      const { storageRoot: __, ...wanted } = read.account(each) ?? { storageRoot: "" };
      assert.deepEqual(account, wanted);
      for (const slot of [ONE, TWO, THREE]) assert.equal(state.storage(each, slot), read.storage(each, slot));
    }
  });
});

describe("a state with changes", () => {
  it("is read as if they were applied", () => {
    const changes: StateChanges = {
      accounts: new Map([
        [PLAIN, null],
        [ABSENT, { nonce: 1n, balance: 0n, codeHash: keccak256Hex(CODE) }],
      ]),
      storage: new Map([
        [STORED, new Map([[TWO, 23n]])],
        [ABSENT, new Map([[ONE, 1n]])],
      ]),
      codes: new Map([[keccak256Hex(CODE), CODE]]),
      cleared: new Set([STORED]),
    };
    const [state, read] = [base(), changedState(base(), changes)];
    state.apply(changes);
    for (const each of [STORED, PLAIN, ABSENT]) {
      const [given, wanted] = [read.account(each), state.account(each)];
      assert.equal(given?.nonce, wanted?.nonce);
      assert.equal(given?.storageRoot === EMPTY_TRIE_ROOT, wanted?.storageRoot === EMPTY_TRIE_ROOT);
      for (const slot of [ONE, TWO, THREE]) assert.equal(read.storage(each, slot), state.storage(each, slot));
    }
    assert.deepEqual(read.code(keccak256Hex(CODE)), CODE);
  });
});

describe("precompiles that are moved", () => {
  const run = () => undefined;
  const active: Precompiles = new Map([
    [1, { gas: () => 1, run }],
    [2, { gas: () => 2, run }],
  ]);
  const at = (number: number): Hex => `0x${number.toString(16).padStart(40, "0")}`;
  const gasAt = (precompiles: Precompiles, word: number | bigint) => precompiles.get(word)?.gas(new Uint8Array(0));

  it("stand at their new address, be it another one's, and an override takes the place of one", () => {
    const moved = movePrecompiles(
      active,
      new Map([
        [at(1), { movePrecompileTo: STORED }],
        [at(2), { nonce: 1n }],
      ]),
    );
    assert.deepEqual([gasAt(moved, 1), gasAt(moved, 2), gasAt(moved, BigInt(STORED))], [undefined, undefined, 1]);
    const over = movePrecompiles(active, new Map([[at(1), { movePrecompileTo: at(2) }]]));
    assert.deepEqual([gasAt(over, 1), gasAt(over, 2)], [undefined, 1]);
    assert.equal(active.size, 2);
  });

  it("cannot be moved to what is overridden, and nothing else can be moved", () => {
    const refused = (overrides: Parameters<typeof movePrecompiles>[1], message: RegExp) =>
      assert.throws(
        () => movePrecompiles(active, overrides),
        (error) => isCodedError(error, "INVALID_REQUEST") && message.test(error.message),
      );
    refused(
      new Map([
        [at(1), { movePrecompileTo: PLAIN }],
        [PLAIN, { nonce: 1n }],
      ]),
      /is already overridden/,
    );
    refused(new Map([[at(1), { movePrecompileTo: at(1) }]]), /is already overridden/);
    refused(new Map([[PLAIN, { movePrecompileTo: at(9) }]]), /is not a precompile/);
  });
});
