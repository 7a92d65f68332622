import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bigIntToFixedBytes, bytesToBigInt, compareBytes, type Hex } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { encodeAccount } from "@counterpart/core/chain/account";
import { EMPTY_CODE_HASH } from "@counterpart/core/chain/header";
import type { SealedHeader } from "@counterpart/core/chain/types";
import type { WantedStorage } from "@counterpart/core/sync/message-types-state";
import { EMPTY_TRIE_ROOT } from "@counterpart/core/trie/types";
import type { TrustedHeader } from "@counterpart/core/verify/peer-answers";
import type { Adoption, KeyedChange, StatePortion } from "../engine/adoption.ts";
import { createLikelyKeys } from "./likely-keys.ts";
import { PORTION_BYTES_MAX, PORTION_PAGES_MAX } from "./limits.ts";
import { decodeSegments, fillState, type Segment, WHOLE_STATE } from "./state-fill.ts";
import type { StateSource } from "./state-source.ts";

const value = encodeAccount({ nonce: 0n, balance: 1n, storageRoot: EMPTY_TRIE_ROOT, codeHash: EMPTY_CODE_HASH });
const CODE_HASH: Hex = `0x${"c0".repeat(32)}`;
const contract = encodeAccount({ nonce: 1n, balance: 0n, storageRoot: `0x${"50".repeat(32)}`, codeHash: CODE_HASH });
const ACCOUNTS = 300;
/** Spread over the whole key space. */
const KEYS = Array.from({ length: ACCOUNTS }, (_, at) => (BigInt(at) << 256n) / BigInt(ACCOUNTS) + 1n);
const likely = createLikelyKeys();
const target = {} as SealedHeader;

/** What is written of a state, and where its segments go on. */
class Written {
  readonly keys = new Set<bigint>();
  segments: readonly Segment[] = WHOLE_STATE;
  writes = 0;
  /** How many writes fail, the disk being full. */
  failures = 0;
  readonly adoption = {
    storageTrie: () => ({ root: EMPTY_TRIE_ROOT }),
    slots: () => [],
    hasCode: () => false,
    isIndexed: () => false,
    isDelegation: () => false,
    write: async ({ accounts }: StatePortion, progress: Uint8Array) => {
      if (++this.writes % 4 === 0 && this.failures-- > 0)
        throw new CodedError("STORE_WRITE_FAILED", "the disk is full");
      for (const { key } of accounts) this.keys.add(bytesToBigInt(key));
      this.segments = decodeSegments(progress);
    },
  } as unknown as Adoption;

  /** Every key is there or in a segment that is still open. */
  assertNothingSkipped(): void {
    const isOpen = (key: bigint): boolean =>
      this.segments.some(({ next, last }) => key >= bytesToBigInt(next) && key <= bytesToBigInt(last));
    assert.deepEqual(
      KEYS.filter((key) => !this.keys.has(key) && !isOpen(key)),
      [],
    );
  }
}

/** Pages of `rows` accounts each; after `pagesMax` of them nobody has the state any more. */
function sourceOf(rows: number, pagesMax = Number.POSITIVE_INFINITY) {
  let pages = 0;
  const accounts = async (_: TrustedHeader, start: Uint8Array) => {
    if (++pages > pagesMax) throw new CodedError("PRUNED", "too long ago");
    const rest = KEYS.filter((key) => key >= bytesToBigInt(start));
    const page = rest.slice(0, rows).map((key): KeyedChange => ({ key: bigIntToFixedBytes(key, 32), value }));
    return { accounts: page, more: rest.length > rows };
  };
  return { source: { accounts } as unknown as StateSource, pages: () => pages };
}

describe("filling a state by pages", () => {
  test("that hold next to nothing writes a few of them at once", async () => {
    const written = new Written();
    const { source, pages } = sourceOf(1);
    await fillState({ adoption: written.adoption, source, target, likely }, WHOLE_STATE);
    assert.equal(written.keys.size, ACCOUNTS);
    assert.ok(pages() >= ACCOUNTS);
    // Up to eight segments end with fewer than are written at once, and the first page of all is written alone.
    assert.ok(written.writes <= pages() / PORTION_PAGES_MAX + 9, `${written.writes} writes of ${pages()} pages`);
  });

  test("counts nothing as written that found no room, while other segments go on", async () => {
    const written = new Written();
    written.failures = 1;
    await assert.rejects(
      fillState({ adoption: written.adoption, source: sourceOf(5).source, target, likely }, WHOLE_STATE),
      {
        code: "STORE_WRITE_FAILED",
      },
    );
    assert.ok(written.keys.size < ACCOUNTS);
    written.assertNothingSkipped();
    await fillState({ adoption: written.adoption, source: sourceOf(5).source, target, likely }, written.segments);
    assert.equal(written.keys.size, ACCOUNTS);
  });

  test("with a storage of many pages does not read what it has written of it at each of them", async () => {
    const slots = Array.from({ length: 30_000 }, (_, at): KeyedChange & { readonly value: Uint8Array } => {
      return { key: bigIntToFixedBytes(BigInt(at) + 1n, 32), value: new Uint8Array(32).fill(1) };
    });
    const held: KeyedChange[] = [];
    let reads = 0;
    const adoption = {
      storageTrie: () => ({ root: EMPTY_TRIE_ROOT }),
      hasCode: () => true,
      isIndexed: () => true,
      isDelegation: () => false,
      *slots(_: Uint8Array, start = new Uint8Array(32)) {
        for (const slot of held.filter(({ key }) => compareBytes(key, start) >= 0)) {
          reads++;
          yield slot;
        }
      },
      write: async ({ storage }: StatePortion) => void held.push(...storage.flatMap((some) => some.slots)),
    } as unknown as Adoption;
    const source = {
      accounts: async () => ({ accounts: [{ key: bigIntToFixedBytes(1n, 32), value: contract }], more: false }),
      async storages(_: TrustedHeader, [wanted]: readonly WantedStorage[], start: Uint8Array) {
        const rest = slots.filter(({ key }) => compareBytes(key, start) >= 0);
        return [{ ...wanted, slots: rest.slice(0, 5_000), more: rest.length > 5_000 }];
      },
    } as unknown as StateSource;
    await fillState({ adoption, source, target, likely }, WHOLE_STATE);
    assert.equal(held.length, slots.length);
    assert.ok(reads <= slots.length, `${reads} slots were read`);
  });

  test("that fails leaves nothing behind that goes on to write", async () => {
    const written = new Written();
    const code = Promise.withResolvers<ReadonlyMap<Hex, Uint8Array>>();
    const source = {
      accounts: async () => ({ accounts: [{ key: bigIntToFixedBytes(1n, 32), value: contract }], more: false }),
      storages: () => Promise.reject(new CodedError("PRUNED", "too long ago")),
      codes: () => code.promise,
      origins: async () => new Map(),
    } as unknown as StateSource;
    const filling = fillState({ adoption: written.adoption, source, target, likely }, WHOLE_STATE);
    setImmediate(() => code.resolve(new Map([[CODE_HASH, new Uint8Array(PORTION_BYTES_MAX)]])));
    await assert.rejects(filling, { code: "PRUNED" });
    const { writes } = written;
    await code.promise;
    await new Promise(setImmediate);
    assert.equal(written.writes, writes);
  });

  test("that is interrupted keeps every page, and goes on behind them", async () => {
    for (const pagesMax of [1, 2, 5, 17, 40, 133]) {
      const written = new Written();
      await assert.rejects(
        fillState({ adoption: written.adoption, source: sourceOf(1, pagesMax).source, target, likely }, WHOLE_STATE),
        { code: "PRUNED" },
      );
      assert.equal(written.keys.size, pagesMax);
      written.assertNothingSkipped();
      const { source, pages } = sourceOf(1);
      await fillState({ adoption: written.adoption, source, target, likely }, written.segments);
      assert.equal(written.keys.size, ACCOUNTS);
      assert.ok(pages() <= ACCOUNTS - pagesMax + 9, `${pages()} pages after ${pagesMax}`);
    }
  });
});
