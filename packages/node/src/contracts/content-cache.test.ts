import assert from "node:assert/strict";
import { test } from "node:test";
import { utf8ToBytes } from "@counterpart/core/base/bytes";
import { contentHash } from "@counterpart/core/sync/artifact";
import { encodeContent } from "@counterpart/core/sync/artifact-content";
import type { ArtifactContent, ArtifactRecord } from "@counterpart/core/sync/artifact-types";
import { createContentCache } from "./content-cache.ts";

function recordOf(content: ArtifactContent): ArtifactRecord {
  const bytes = encodeContent(content);
  const signature = new Uint8Array(65);
  return { address: "0x", codeHash: "0x", updatedAt: 1, contentHash: contentHash(bytes), signature, content: bytes };
}

/** The same record with content that cannot be decoded: whoever tries throws. */
const undecodable = (record: ArtifactRecord): ArtifactRecord => ({ ...record, content: utf8ToBytes("damaged") });

test("labels are type and name, decoded once", () => {
  const cache = createContentCache();
  const token = recordOf({ contractType: "token", name: "Token", symbol: "T", abi: [{ type: "fallback" }] });
  assert.deepEqual(cache.labels(token), { contractType: "token", name: "Token" });
  assert.deepEqual(cache.labels(undecodable(token)), { contractType: "token", name: "Token" });
  assert.deepEqual(cache.labels(recordOf({ symbol: "T" })), {});
  assert.throws(() => cache.labels(undecodable(recordOf({ name: "never seen" }))));
});

test("looking at many labels throws no content out that is in use", () => {
  const used = recordOf({ name: "used" });
  const cache = createContentCache(2 * used.content.length);
  cache.content(used);
  for (let i = 0; i < 100; i++) cache.labels(recordOf({ name: `other ${i}` }));
  assert.equal(cache.content(undecodable(used)).name, "used");
  for (let i = 0; i < 3; i++) cache.content(recordOf({ name: `other ${i}` }));
  assert.throws(() => cache.content(undecodable(used)), "what is not in use goes");
});
