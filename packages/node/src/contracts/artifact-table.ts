/**
 * Artifact records on disk, with a feed of their changes, and the content of deployments that are not included yet.
 *
 *     artifacts        address ‖ code hash ‖ owner → record, its place in the feed, whether it is visible
 *     artifactFeed     change sequence (8 bytes) → address ‖ code hash ‖ owner
 *     artifactDrafts   hash of the creating transaction → what to sign once it is included
 */

import {
  bigIntToFixedBytes,
  bytesToBigInt,
  bytesToHex,
  concatBytes,
  type Hex,
  hexToBytes,
} from "@counterpart/core/base/bytes";
import { CodedError, isCodedError } from "@counterpart/core/base/errors";
import {
  asBoolean,
  asBytes,
  asFixedHex,
  asList,
  asNumber,
  decodeRlp,
  encodeRlp,
  rlpBoolean,
  rlpNumber,
} from "@counterpart/core/codec/rlp";
import type { Store, StoreWrite } from "@counterpart/core/ports/store";
import { artifactFromRlp, artifactRecordHash, artifactToRlp } from "@counterpart/core/sync/artifact";
import type { ArtifactRecord } from "@counterpart/core/sync/artifact-types";

export interface ArtifactRow {
  readonly record: ArtifactRecord;
  readonly recordHash: Hex;
  /** Who signed it. */
  readonly owner: Hex;
  /** Place in the feed: greater for what became visible later. */
  readonly sequence: number;
  /** Whether the contract is at the head with this code and this owner. */
  readonly visible: boolean;
  /** The transaction that had created the contract when the record came; absent in rows of older versions. */
  readonly creationTransaction?: Hex;
}

/** The artifact of a deployment on its way, to be signed when its code is on the chain. */
export interface ArtifactDraft {
  readonly transactionHash: Hex;
  readonly address: Hex;
  readonly owner: Hex;
  /** Canonical content. */
  readonly content: Uint8Array;
}

export interface ArtifactBatch {
  /** New rows, or new values of rows. */
  readonly put?: readonly ArtifactRow[];
  readonly remove?: readonly ArtifactRow[];
  /** Transaction hashes. */
  readonly removeDrafts?: readonly Hex[];
}

/** Reads are synchronous, and see every write that has returned. */
export interface ArtifactTable {
  get(address: Hex, codeHash: Hex, owner: Hex): ArtifactRow | undefined;
  /** Every row of a contract: one for each code and owner that it had on some branch. */
  of(address: Hex): readonly ArtifactRow[];
  /** Rows in order of key, starting after `after`. */
  page(after: ArtifactRow | undefined, limit: number): readonly ArtifactRow[];
  /** Rows changed after `sequence`, in order of sequence, hidden ones included. */
  feed(sequence: number, limit: number): readonly ArtifactRow[];
  /** Greatest sequence given so far; 0 when there is none. */
  lastSequence(): number;
  drafts(): readonly ArtifactDraft[];
  /** The rows of a draft, for whoever writes it with its transaction. */
  draftRows(draft: ArtifactDraft): readonly StoreWrite[];
  /** Writes everything or nothing, durable when it returns. @throws CodedError `STORE_WRITE_FAILED` */
  write(batch: ArtifactBatch): void;
}

/** More than reorganisations give one address; who writes rows keeps to it. */
export const ROWS_PER_ADDRESS_MAX = 8;
export const DRAFTS_MAX = 1_024;

const keyOf = (address: Hex, codeHash: Hex, owner: Hex): Uint8Array =>
  concatBytes(hexToBytes(address), hexToBytes(codeHash), hexToBytes(owner));
const rowKey = ({ record, owner }: ArtifactRow): Uint8Array => keyOf(record.address, record.codeHash, owner);
const feedKey = (sequence: number): Uint8Array => bigIntToFixedBytes(BigInt(sequence), 8);
/** The first key after `key`. */
const after = (key: Uint8Array): Uint8Array => concatBytes(key, new Uint8Array(1));

function encodeRow({ record, recordHash, owner, sequence, visible, creationTransaction }: ArtifactRow): Uint8Array {
  return encodeRlp([
    artifactToRlp(record),
    hexToBytes(recordHash),
    hexToBytes(owner),
    rlpNumber(sequence),
    rlpBoolean(visible),
    ...(creationTransaction === undefined ? [] : [hexToBytes(creationTransaction)]),
  ]);
}

/** Stored bytes that do not decode are damage, not anyone's mistake. */
function orCorrupt<T>(what: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (!isCodedError(error)) throw error;
    throw new CodedError("STORE_CORRUPT", `a stored ${what} is damaged: ${error.message}`);
  }
}

/** @throws CodedError `STORE_CORRUPT` */
export function decodeArtifactRow(bytes: Uint8Array): ArtifactRow {
  return orCorrupt("artifact", () => {
    const fields = asList(decodeRlp(bytes, { depthMax: 3, itemsMax: 16 }), "row");
    if (fields.length !== 5 && fields.length !== 6) throw new CodedError("STORE_CORRUPT", "it has other fields");
    const [item, hash, owner, sequence, visible, creation] = fields;
    const record = artifactFromRlp(item);
    const recordHash = asFixedHex(hash, "record hash", 32);
    if (artifactRecordHash(record) !== recordHash) throw new CodedError("STORE_CORRUPT", "its hash is another");
    return {
      record,
      recordHash,
      owner: asFixedHex(owner, "owner", 20),
      sequence: asNumber(sequence, "sequence"),
      visible: asBoolean(visible, "visible"),
      ...(creation === undefined ? {} : { creationTransaction: asFixedHex(creation, "creation", 32) }),
    };
  });
}

function encodeDraft({ address, owner, content }: ArtifactDraft): Uint8Array {
  return encodeRlp([hexToBytes(address), hexToBytes(owner), content]);
}

/** @throws CodedError `STORE_CORRUPT` */
export function decodeDraft(key: Uint8Array, value: Uint8Array): ArtifactDraft {
  return orCorrupt("draft of an artifact", () => {
    const [address, owner, content] = asList(decodeRlp(value, { depthMax: 1, itemsMax: 3 }), "draft", 3);
    return {
      transactionHash: bytesToHex(key),
      address: asFixedHex(address, "address", 20),
      owner: asFixedHex(owner, "owner", 20),
      content: asBytes(content, "content"),
    };
  });
}

/** The table in any store. Nothing else may write its three tables. */
export function createArtifactTable(store: Omit<Store, "close" | "snapshot">): ArtifactTable {
  const read = (key: Uint8Array): ArtifactRow | undefined => {
    const bytes = store.get("artifacts", key);
    return bytes === undefined ? undefined : decodeArtifactRow(bytes);
  };
  const putWrites = (row: ArtifactRow): StoreWrite[] => {
    const key = rowKey(row);
    const previous = read(key);
    const moved = previous !== undefined && previous.sequence !== row.sequence;
    return [
      ...(moved ? [{ table: "artifactFeed", key: feedKey(previous.sequence), value: null } as const] : []),
      { table: "artifacts", key, value: encodeRow(row) },
      { table: "artifactFeed", key: feedKey(row.sequence), value: key },
    ];
  };
  const removeWrites = (row: ArtifactRow): StoreWrite[] => [
    { table: "artifacts", key: rowKey(row), value: null },
    { table: "artifactFeed", key: feedKey(row.sequence), value: null },
  ];
  return {
    get: (address, codeHash, owner) => read(keyOf(address, codeHash, owner)),
    of(address) {
      const start = hexToBytes(address);
      const end = concatBytes(start, new Uint8Array(53).fill(0xff));
      return store
        .range("artifacts", { start, end, limit: ROWS_PER_ADDRESS_MAX })
        .map(({ value }) => decodeArtifactRow(value));
    },
    page(previous, limit) {
      const start = previous === undefined ? {} : { start: after(rowKey(previous)) };
      return store.range("artifacts", { ...start, limit }).map(({ value }) => decodeArtifactRow(value));
    },
    feed: (sequence, limit) =>
      store.range("artifactFeed", { start: feedKey(sequence + 1), limit }).flatMap(({ value }) => read(value) ?? []),
    lastSequence() {
      const [last] = store.range("artifactFeed", { limit: 1, reverse: true });
      return last === undefined ? 0 : Number(bytesToBigInt(last.key));
    },
    drafts: () => store.range("artifactDrafts", { limit: DRAFTS_MAX }).map(({ key, value }) => decodeDraft(key, value)),
    draftRows: (draft) => [
      { table: "artifactDrafts", key: hexToBytes(draft.transactionHash), value: encodeDraft(draft) },
    ],
    write({ put = [], remove = [], removeDrafts = [] }) {
      store.write([
        ...remove.flatMap(removeWrites),
        ...put.flatMap(putWrites),
        ...removeDrafts.map((hash): StoreWrite => ({ table: "artifactDrafts", key: hexToBytes(hash), value: null })),
      ]);
    },
  };
}
