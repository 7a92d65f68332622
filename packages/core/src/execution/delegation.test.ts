import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bigIntToBytes, bytesToHex, concatBytes, type Hex, hexToBytes } from "../base/bytes.ts";
import { EMPTY_CODE_HASH, ZERO_ADDRESS } from "../chain/header.ts";
import type { Authorization } from "../chain/types.ts";
import { encodeRlp } from "../codec/rlp.ts";
import { keccak256, keccak256Hex, SECP256K1_ORDER, signDigest } from "../crypto/crypto.ts";
import { block, createCountingExecutor, deploy, executor, run } from "./blocks.test-support.ts";
import {
  ALICE,
  BOB,
  blockContext,
  CHAIN_ID,
  fundedState,
  returning,
  STORE,
  slotOf,
  type TestAccount,
  testAccount,
  words,
} from "./fixtures.test-support.ts";

const NOBODY = testAccount(60);

function authorize(authority: TestAccount, address: Hex, nonce: bigint, chainId = BigInt(CHAIN_ID)): Authorization {
  const payload = encodeRlp([bigIntToBytes(chainId), hexToBytes(address), bigIntToBytes(nonce)]);
  const signature = signDigest(keccak256(concatBytes(new Uint8Array([5]), payload)), authority.key);
  const [r, s] = [signature.subarray(0, 32), signature.subarray(32, 64)].map((part) => BigInt(bytesToHex(part)));
  return { chainId, address, nonce, yParity: signature[64] as number, r: r as bigint, s: s as bigint };
}

const designator = (address: Hex): Uint8Array => concatBytes(new Uint8Array([0xef, 0x01, 0x00]), hexToBytes(address));

describe("a delegation (EIP-7702)", () => {
  it("lets an executor pause at each authorization of a long list", async () => {
    const state = fundedState(ALICE);
    const { pauses, executor: pausing } = createCountingExecutor();
    const authorizationList = Array.from({ length: 20 }, (_, i) => authorize(testAccount(70 + i), BOB.address, 0n));
    const parts = { from: ALICE, type: 4, to: BOB.address, authorizationList } as const;
    const execution = await pausing.begin(blockContext(), state);
    const before = pauses.count;
    await run(execution, parts);
    assert.ok(pauses.count - before >= 20, `${pauses.count - before} pauses`);
    assert.deepEqual(execution.finish(), (await block(state, [parts])).changes);
  });

  it("gives an account the code of another, in the transaction that sets it too", async () => {
    const state = fundedState(ALICE, BOB);
    const store = await deploy(state, STORE);
    const { outcomes, changes } = await block(state, [
      {
        from: ALICE,
        type: 4,
        nonce: 1n,
        to: BOB.address,
        data: words(3n, 33n, 0n),
        authorizationList: [authorize(BOB, store, 0n)],
      },
      { from: ALICE, nonce: 2n, to: BOB.address, data: words(4n, 44n, 0n) },
    ]);
    assert.deepEqual(
      outcomes.map(({ status, created }) => ({ status, created })),
      [
        { status: "success", created: [] },
        { status: "success", created: [] },
      ],
    );
    const code = designator(store);
    const account = changes.accounts.get(BOB.address);
    assert.deepEqual([account?.nonce, account?.codeHash], [1n, keccak256Hex(code)]);
    assert.deepEqual([...changes.codes], [[keccak256Hex(code), code]]);
    const slots = changes.storage.get(BOB.address);
    assert.deepEqual(
      [...(slots ?? [])],
      [
        [slotOf(3n), 33n],
        [slotOf(4n), 44n],
      ],
    );
    assert.equal(changes.storage.has(store), false);
  });

  it("is seen in calls, leaves its account able to send, and can be taken back", async () => {
    const state = fundedState(ALICE, BOB);
    const target = await deploy(state, returning("ADDRESS"));
    const set = { from: ALICE, type: 4, to: BOB.address, nonce: 1n } as const;
    state.apply((await block(state, [{ ...set, authorizationList: [authorize(BOB, target, 0n)] }])).changes);
    const message = { from: ALICE.address, to: BOB.address, data: new Uint8Array(0), value: 0n, gasLimit: 100_000 };
    assert.deepEqual((await executor.call(blockContext(), message, state)).output, words(BOB.address));
    const { outcomes, changes } = await block(state, [
      { from: BOB, nonce: 1n, to: ALICE.address, value: 1n },
      { ...set, nonce: 2n, authorizationList: [authorize(BOB, ZERO_ADDRESS, 2n)] },
    ]);
    assert.equal(outcomes[0]?.status, "success");
    assert.deepEqual([changes.accounts.get(BOB.address)?.codeHash, changes.codes.size], [EMPTY_CODE_HASH, 0]);
  });

  it("can be signed by the sender, whose nonce is counted first", async () => {
    const state = fundedState(ALICE);
    const store = await deploy(state, STORE);
    const { changes } = await block(state, [
      { from: ALICE, type: 4, nonce: 1n, to: store, authorizationList: [authorize(ALICE, store, 2n)] },
    ]);
    const account = changes.accounts.get(ALICE.address);
    assert.deepEqual([account?.nonce, account?.codeHash], [3n, keccak256Hex(designator(store))]);
  });

  it("works in a call as in a transaction with the same message, gas included", async () => {
    const state = fundedState(ALICE, BOB);
    const store = await deploy(state, STORE);
    const wrongNonce = authorize(NOBODY, store, 5n);
    const wrongChain = authorize(NOBODY, store, 0n, 99n);
    const malformed = { ...authorize(NOBODY, store, 0n), s: SECP256K1_ORDER };
    const cases: [TestAccount, Authorization[]][] = [
      [BOB, [authorize(BOB, store, 0n)]],
      [NOBODY, [authorize(NOBODY, store, 0n, 0n)]],
      [ALICE, [authorize(ALICE, store, 2n)]],
      [BOB, [wrongNonce, wrongChain, malformed, authorize(BOB, store, 0n), authorize(BOB, store, 1n)]],
      [BOB, [wrongNonce]],
    ];
    for (const [to, authorizationList] of cases) {
      const parts = { to: to.address, data: words(3n, 33n, 0n), authorizationList };
      const { outcomes } = await block(state, [{ from: ALICE, type: 4, nonce: 1n, ...parts }]);
      const message = { from: ALICE.address, value: 0n, gasLimit: 2_000_000, ...parts };
      const outcome = await executor.call(blockContext(), message, state);
      assert.deepEqual([outcome.status, outcome.gasUsed], [outcomes[0]?.status, outcomes[0]?.gasUsed]);
    }
  });

  it("may make an account that did not exist, which costs more than one that did", async () => {
    const state = fundedState(ALICE, BOB);
    const store = await deploy(state, STORE);
    const gas = async (authority: TestAccount): Promise<number> => {
      const authorizationList = [authorize(authority, store, 0n, 0n)];
      const to = ALICE.address;
      const { outcomes, changes } = await block(state, [{ from: ALICE, type: 4, nonce: 1n, to, authorizationList }]);
      assert.equal(changes.accounts.get(authority.address)?.nonce, 1n);
      return outcomes[0]?.gasUsed ?? 0;
    };
    assert.equal(await gas(NOBODY), 46_000);
    // 12,500 of 25,000 are refunded, of which at most a fifth of the gas.
    assert.equal(await gas(BOB), 46_000 - 9_200);
  });

  it("is skipped when its authorization is not valid, and the transaction runs all the same", async () => {
    const state = fundedState(ALICE, BOB);
    const store = await deploy(state, STORE);
    const good = authorize(BOB, store, 0n);
    const bad = [
      authorize(BOB, store, 1n),
      authorize(BOB, store, 0n, 1n),
      authorize(BOB, store, 2n ** 64n - 1n),
      { ...good, s: SECP256K1_ORDER - good.s, yParity: 1 - good.yParity },
      { ...good, yParity: 2 },
      { ...good, yParity: 255 },
      { ...good, r: 0n },
      { ...good, r: 2n ** 256n - 1n, s: 2n ** 256n - 1n },
    ];
    for (const authorization of bad) {
      const { outcomes, changes } = await block(state, [
        { from: ALICE, type: 4, nonce: 1n, to: store, data: words(1n, 1n, 0n), authorizationList: [authorization] },
      ]);
      assert.equal(outcomes[0]?.status, "success");
      assert.equal(changes.accounts.has(BOB.address), false);
      assert.equal(changes.storage.get(store)?.get(slotOf(1n)), 1n);
    }
  });

  it("stays when the call of its transaction reverts", async () => {
    const state = fundedState(ALICE, BOB);
    const store = await deploy(state, STORE);
    const { outcomes, changes } = await block(state, [
      {
        from: ALICE,
        type: 4,
        nonce: 1n,
        to: BOB.address,
        data: words(1n, 1n, 9n),
        authorizationList: [authorize(BOB, store, 0n)],
      },
    ]);
    assert.equal(outcomes[0]?.status, "reverted");
    assert.equal(changes.accounts.get(BOB.address)?.codeHash, keccak256Hex(designator(store)));
    assert.equal(changes.storage.has(BOB.address), false);
  });
});
