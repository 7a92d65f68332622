/** Decoded artifact contents, their ABIs and labels, by content hash; the least recently used go. */

import type { Hex } from "@counterpart/core/base/bytes";
import { dropOldest } from "@counterpart/core/base/drop-oldest";
import { decodeContent } from "@counterpart/core/sync/artifact-content";
import type { ArtifactContent, ArtifactRecord } from "@counterpart/core/sync/artifact-types";
import { type ContractAbi, parseContractAbi } from "./abi.ts";

/** What lists are filtered by. */
export type Labels = Pick<ArtifactContent, "contractType" | "name">;

export interface ContentCache {
  content(record: ArtifactRecord): ArtifactContent;
  /** Kept for many more records than whole content is, because a list looks at every contract's. */
  labels(record: ArtifactRecord): Labels;
  /** Undefined when the content has none. @throws CodedError `INVALID_ABI` */
  abi(record: ArtifactRecord): ContractAbi | undefined;
}

interface Cached {
  readonly content: ArtifactContent;
  readonly sizeBytes: number;
  abi?: ContractAbi;
}

/** Of at most 288 bytes of text each. */
const LABELS_MAX = 16_384;

export function createContentCache(sizeBytesMax = 4 * 1024 * 1024): ContentCache {
  const entries = new Map<Hex, Cached>();
  const labels = new Map<Hex, Labels>();
  let sizeBytes = 0;
  const add = (hash: Hex, cached: Cached): void => {
    entries.set(hash, cached);
    sizeBytes += cached.sizeBytes;
    for (const [oldest, { sizeBytes: size }] of entries) {
      if (sizeBytes <= sizeBytesMax) return;
      entries.delete(oldest);
      sizeBytes -= size;
    }
  };
  const lookup = ({ contentHash, content }: ArtifactRecord): Cached => {
    const known = entries.get(contentHash);
    if (known !== undefined) {
      entries.delete(contentHash);
      entries.set(contentHash, known);
      return known;
    }
    const cached: Cached = { content: decodeContent(content), sizeBytes: content.length };
    add(contentHash, cached);
    return cached;
  };
  return {
    content: (record) => lookup(record).content,
    labels(record) {
      const { contentHash } = record;
      const known = labels.get(contentHash);
      if (known !== undefined) return known;
      // Not kept whole: a list of all contracts would throw out what is in use.
      const { contractType, name } = entries.get(contentHash)?.content ?? decodeContent(record.content);
      const made: Labels = { ...(contractType !== undefined && { contractType }), ...(name !== undefined && { name }) };
      labels.set(contentHash, made);
      dropOldest(labels, LABELS_MAX);
      return made;
    },
    abi(record) {
      const cached = lookup(record);
      if (cached.content.abi === undefined) return undefined;
      cached.abi ??= parseContractAbi(cached.content.abi);
      return cached.abi;
    },
  };
}
