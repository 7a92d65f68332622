import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { bigIntToBytes } from "../base/bytes.ts";
import { isCodedError } from "../base/errors.ts";
import { encodeAccount } from "../chain/account.ts";
import { encodeRlp } from "../codec/rlp.ts";
import { keccak256Hex } from "../crypto/crypto.ts";
import { proveKey } from "../trie/proof.ts";
import { proveRange } from "../trie/range-proof.ts";
import { createMemoryTrie } from "../trie/testing/memory-trie.ts";
import { address, type Contract, contractOf, hashed, proofOf, slot, stateOf } from "./state.test-support.ts";
import { verifyAccountRange, verifyCode, verifySlotRange, verifyState } from "./state-proof.ts";

const LOWEST = new Uint8Array(32);
const values = fc
  .uniqueArray(fc.tuple(fc.nat(30), fc.bigInt({ min: 1n, max: 2n ** 256n - 1n })), {
    maxLength: 12,
    selector: ([index]) => index,
  })
  .map((list) => new Map(list.map(([index, value]) => [slot(index), value])));
const sample = fc
  .tuple(
    fc.uniqueArray(fc.tuple(fc.nat(40), values), { maxLength: 12, selector: ([index]) => index }),
    fc.uniqueArray(fc.record({ index: fc.nat(45), slots: fc.uniqueArray(fc.nat(32), { maxLength: 5 }) }), {
      minLength: 1,
      maxLength: 5,
      selector: ({ index }) => index,
    }),
  )
  .map(([list, asked]) => {
    const contracts = list.map(([index, content]) => contractOf(index, content));
    const queries = asked.map(({ index, slots }) => ({ address: address(index), slots: slots.map(slot) }));
    const state = stateOf(contracts);
    return { contracts, queries, state, proof: proofOf(state, contracts, queries) };
  });

const refused = (error: unknown): boolean => isCodedError(error, "INVALID_PROOF");

describe("a proof of state", () => {
  test("gives accounts and slots, and the absence of those that are not there", () => {
    fc.assert(
      fc.property(sample, ({ contracts, queries, state, proof }) => {
        const expected = queries.map((query) => {
          const contract = contracts.find((one) => one.address === query.address);
          return {
            address: query.address,
            account: contract?.account,
            slots: query.slots.map((name) => contract?.values.get(name) ?? 0n),
          };
        });
        assert.deepEqual(verifyState(state.root, queries, proof), expected);
      }),
    );
  });

  test("is refused when a node is missing, spoilt, doubled or of no use, or the root is another", () => {
    fc.assert(
      fc.property(sample, fc.nat(), fc.nat(), ({ queries, state, proof }, pick, bit) => {
        const check =
          (nodes: readonly Uint8Array[], root = state.root) =>
          () =>
            verifyState(root, queries, nodes);
        assert.throws(check([...proof, Uint8Array.of(0xc0)]), refused);
        if (proof.length === 0) return;
        const at = pick % proof.length;
        assert.throws(check(proof.filter((_, i) => i !== at)), refused);
        assert.throws(check([...proof, proof[at] as Uint8Array]), refused);
        const spoilt = (proof[at] as Uint8Array).slice();
        spoilt[bit % spoilt.length] = (spoilt[bit % spoilt.length] as number) ^ (1 << (bit % 8));
        assert.throws(check(proof.map((bytes, i) => (i === at ? spoilt : bytes))), refused);
        assert.throws(check(proof, keccak256Hex(Uint8Array.of(1))), refused);
      }),
    );
  });

  test("is refused for a leaf that is no account and a value that no slot can have", () => {
    for (const leaf of [Uint8Array.of(1), encodeRlp([Uint8Array.of(1)]), encodeRlp(new Uint8Array(40))]) {
      const state = createMemoryTrie();
      state.apply([{ key: hashed(address(1)), value: leaf }]);
      const proof = proveKey(state.read, state.root, hashed(address(1)));
      assert.throws(() => verifyState(state.root, [{ address: address(1), slots: [] }], proof), refused);
    }
    const leaves = [encodeRlp(new Uint8Array([0, 1])), encodeRlp(new Uint8Array(33).fill(1)), encodeRlp([LOWEST])];
    for (const value of leaves) {
      const storage = createMemoryTrie();
      storage.apply([{ key: hashed(slot(1)), value }]);
      const contract = { ...contractOf(1, new Map()), storage };
      const account = { ...contract.account, storageRoot: storage.root };
      const state = stateOf([{ ...contract, account }]);
      const queries = [{ address: address(1), slots: [slot(1)] }];
      const proof = proofOf(state, [{ ...contract, account }], queries);
      assert.throws(() => verifyState(state.root, queries, proof), refused);
    }
  });

  test("takes code by its hash alone", () => {
    const code = Uint8Array.of(1, 2, 3);
    verifyCode(keccak256Hex(code), code);
    assert.throws(() => verifyCode(keccak256Hex(code), Uint8Array.of(1, 2)), refused);
  });
});

describe("a proof of a range of state", () => {
  const contracts = Array.from({ length: 20 }, (_, index) =>
    contractOf(index, new Map(Array.from({ length: index }, (_, i) => [slot(i), BigInt(i + 1)]))),
  );
  const state = stateOf(contracts);
  const rows = contracts
    .map(({ address: at, account }) => ({ key: hashed(at), value: encodeAccount(account), account }))
    .sort((a, b) => Buffer.compare(a.key, b.key));

  test("gives accounts page by page", () => {
    const page = rows.slice(0, 7);
    const proof = proveRange(state.read, state.root, LOWEST, page.at(-1)?.key);
    assert.deepEqual(verifyAccountRange(state.root, LOWEST, page, proof), { accounts: page, more: true });
    assert.throws(() => verifyAccountRange(state.root, LOWEST, page.slice(1), proof), refused);
    const whole = proveRange(state.read, state.root, LOWEST, rows.at(-1)?.key);
    assert.equal(verifyAccountRange(state.root, LOWEST, rows, whole).more, false);
  });

  test("gives slots, whose values have one form only", () => {
    const { storage, values: content } = contracts[15] as Contract;
    const slots = [...content]
      .map(([name, value]) => ({ key: hashed(name), value: bigIntToBytes(value) }))
      .sort((a, b) => Buffer.compare(a.key, b.key));
    const proof = proveRange(storage.read, storage.root, LOWEST, slots.at(-1)?.key);
    assert.equal(verifySlotRange(storage.root, LOWEST, slots, proof), false);
    for (const value of [new Uint8Array(0), new Uint8Array([0, 1]), new Uint8Array(33).fill(1)]) {
      const wrong = slots.map((one, i) => (i === 3 ? { ...one, value } : one));
      assert.throws(() => verifySlotRange(storage.root, LOWEST, wrong, proof), refused);
    }
  });
});
