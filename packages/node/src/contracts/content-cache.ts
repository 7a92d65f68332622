/** Decoded artifact contents and their ABIs, by content hash; the least recently used go. */

import type { Hex } from "@counterpart/core/base/bytes";
import { decodeContent } from "@counterpart/core/sync/artifact-content";
import type { ArtifactContent, ArtifactRecord } from "@counterpart/core/sync/artifact-types";
import { type ContractAbi, parseContractAbi } from "./abi.ts";

export interface ContentCache {
  content(record: ArtifactRecord): ArtifactContent;
  /** Undefined when the content has none. @throws CodedError `INVALID_ABI` */
  abi(record: ArtifactRecord): ContractAbi | undefined;
}

interface Cached {
  readonly content: ArtifactContent;
  readonly sizeBytes: number;
  abi?: ContractAbi;
}

export function createContentCache(sizeBytesMax = 4 * 1024 * 1024): ContentCache {
  const entries = new Map<Hex, Cached>();
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
    abi(record) {
      const cached = lookup(record);
      if (cached.content.abi === undefined) return undefined;
      cached.abi ??= parseContractAbi(cached.content.abi);
      return cached.abi;
    },
  };
}
