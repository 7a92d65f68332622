/**
 * Artifact records: signed, self-verifying, and totally ordered, so that what a node holds of a contract is a pure
 * function of the set of records it was given.
 */

import { compareBytes, concatBytes, type Hex, hexToBytes } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import { createAddress } from "../chain/address.ts";
import {
  asBigInt,
  asBytes,
  asFixedHex,
  asList,
  asListMax,
  asNumber,
  encodeRlp,
  type RlpInput,
  type RlpItem,
  rlpBigInt,
  rlpNumber,
} from "../codec/rlp.ts";
import { keccak256Hex, recoverAddress } from "../crypto/crypto.ts";
import {
  asArtifactError,
  CONTENT_SIZE_MAX,
  decodeContent,
  encodeContent,
  invalidArtifact,
} from "./artifact-content.ts";
import { artifactDigest, type ChainIdentity } from "./artifact-signature.ts";
import type { ArtifactContent, ArtifactRecord } from "./artifact-types.ts";

/** The last date of ECMAScript (year 275760): far from any clock's, and with room for later ones in an exact number. */
export const UPDATED_AT_MAX = 8_640_000_000_000_000;
const SIGNATURE_SIZE = 65;

const isTime = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= UPDATED_AT_MAX;

/** Hash of canonical content; `artifact_hash` of the contract. */
export const contentHash = (content: Uint8Array): Hex => keccak256Hex(content);

/**
 * `updatedAt` of an owner's next record: later than the previous one, whatever the clock says (milliseconds).
 * @throws CodedError `STALE_ARTIFACT` when the previous one has the last date that there is
 */
export function nextUpdatedAt(now: number, previous: number | undefined): number {
  if (previous === undefined) return now;
  if (previous < UPDATED_AT_MAX) return Math.max(now, previous + 1);
  const message = "the artifact that is held has the last possible date, so that none can be newer";
  throw new CodedError("STALE_ARTIFACT", message, { updated_at: previous });
}

export interface ArtifactDraft {
  readonly address: Hex;
  readonly codeHash: Hex;
  /** Nonce of the creating transaction; absent for a factory's children. */
  readonly creationNonce?: bigint;
  /** Milliseconds; see `nextUpdatedAt`. */
  readonly updatedAt: number;
  readonly content: ArtifactContent;
}

/**
 * A record signed by the contract's owner.
 * @param sign gives 65 bytes (r ‖ s ‖ recovery bit) over a 32-byte digest
 * @throws CodedError `INVALID_ARTIFACT` when the content breaks its limits
 */
export function signArtifact(
  draft: ArtifactDraft,
  chain: ChainIdentity,
  sign: (digest: Uint8Array) => Uint8Array,
): ArtifactRecord {
  const content = encodeContent(draft.content);
  const claim = {
    address: draft.address,
    codeHash: draft.codeHash,
    ...(draft.creationNonce !== undefined && { creationNonce: draft.creationNonce }),
    updatedAt: draft.updatedAt,
    contentHash: contentHash(content),
  };
  return { ...claim, signature: sign(artifactDigest(claim, chain)), content };
}

function checkOwner(record: ArtifactRecord, owner: Hex, expectedOwner: Hex | undefined): void {
  if (record.creationNonce !== undefined && createAddress(owner, record.creationNonce) !== record.address) {
    throw invalidArtifact("not signed by the account that created the contract");
  }
  if (record.creationNonce === undefined && expectedOwner === undefined) {
    throw invalidArtifact("a factory's child has no creation nonce: its owner must be known from the chain");
  }
  if (expectedOwner !== undefined && owner !== expectedOwner) {
    throw invalidArtifact("not signed by the contract's owner");
  }
}

/**
 * The owner who signed a record. Anyone can verify the record of a top-level creation, whose address follows from
 * owner and nonce; for a factory's child the caller knows the owner from executing the chain.
 * @throws CodedError `INVALID_ARTIFACT` when content, signature or signer is wrong
 */
export function verifyArtifact(record: ArtifactRecord, chain: ChainIdentity, expectedOwner?: Hex): Hex {
  return asArtifactError(() => {
    if (record.content.length > CONTENT_SIZE_MAX) throw invalidArtifact("content is too long");
    if (!isTime(record.updatedAt)) throw invalidArtifact("updatedAt is no time, or one beyond all dates");
    if (contentHash(record.content) !== record.contentHash) throw invalidArtifact("content does not match its hash");
    decodeContent(record.content);
    const owner = recoverAddress(artifactDigest(record, chain), record.signature);
    checkOwner(record, owner, expectedOwner);
    return owner;
  });
}

/** Identity of a record, signature included; the digest of `Status` is the XOR of these. */
export function artifactRecordHash(record: ArtifactRecord): Hex {
  return keccak256Hex(encodeRlp(recordFields(record, hexToBytes(record.contentHash))));
}

/**
 * Total order of one contract's records: by `updatedAt`, then content hash, then record hash. The greater one stays.
 * Zero only for the same record.
 */
export function compareArtifacts(a: ArtifactRecord, b: ArtifactRecord): number {
  if (a.updatedAt !== b.updatedAt) return a.updatedAt - b.updatedAt;
  const byContent = compareBytes(hexToBytes(a.contentHash), hexToBytes(b.contentHash));
  if (byContent !== 0) return byContent;
  return compareBytes(hexToBytes(artifactRecordHash(a)), hexToBytes(artifactRecordHash(b)));
}

function recordFields(record: ArtifactRecord, content: Uint8Array): RlpInput {
  return [
    hexToBytes(record.address),
    hexToBytes(record.codeHash),
    record.creationNonce === undefined ? [] : [rlpBigInt(record.creationNonce)],
    rlpNumber(record.updatedAt),
    record.signature,
    content,
  ];
}

/** A record as an RLP list, for messages that carry several; its content hash follows from the content. */
export function artifactToRlp(record: ArtifactRecord): RlpInput {
  return recordFields(record, record.content);
}

/**
 * The record in a decoded RLP list. Shape and sizes are checked here, hash by construction, signature and content by
 * `verifyArtifact`. The bytes are copied, so that the record does not hold the whole frame in memory.
 * @throws CodedError `INVALID_ARTIFACT`
 */
export function artifactFromRlp(item: RlpItem | undefined): ArtifactRecord {
  return asArtifactError(() => {
    const fields = asList(item, "artifact", 6);
    const nonce = asListMax(fields[2], "creationNonce", 1);
    const signature = asBytes(fields[4], "signature", SIGNATURE_SIZE).slice();
    if (signature.length !== SIGNATURE_SIZE) throw invalidArtifact(`a signature has ${SIGNATURE_SIZE} bytes`);
    const content = asBytes(fields[5], "content", CONTENT_SIZE_MAX).slice();
    return {
      address: asFixedHex(fields[0], "address", 20),
      codeHash: asFixedHex(fields[1], "codeHash", 32),
      ...(nonce.length > 0 && { creationNonce: asBigInt(nonce[0], "creationNonce", 64) }),
      updatedAt: asNumber(fields[3], "updatedAt"),
      contentHash: contentHash(content),
      signature,
      content,
    };
  });
}

export interface ContractState {
  readonly address: Hex;
  readonly nonce: bigint;
  readonly balance: bigint;
  readonly storageRoot: Hex;
  readonly codeHash: Hex;
}

/** keccak(rlp[address, nonce, balance, storageRoot, codeHash]). */
export function stateHash(state: ContractState): Hex {
  const { address, nonce, balance, storageRoot, codeHash } = state;
  return keccak256Hex(
    encodeRlp([
      hexToBytes(address),
      rlpBigInt(nonce),
      rlpBigInt(balance),
      hexToBytes(storageRoot),
      hexToBytes(codeHash),
    ]),
  );
}

/** keccak(state hash ‖ artifact hash); the artifact hash is zero where there is no artifact. */
export function integrityHash(state: Hex, artifact: Hex): Hex {
  return keccak256Hex(concatBytes(hexToBytes(state), hexToBytes(artifact)));
}
