/**
 * What an artifact says of where its contract comes from. Who took a state over knows the creator of a factory's child
 * from a peer's word alone; a record whose signer and creation nonce give the contract's address proves it.
 */

import { isCodedError } from "@counterpart/core/base/errors";
import { verifyArtifact } from "@counterpart/core/sync/artifact";
import type { ChainIdentity } from "@counterpart/core/sync/artifact-signature";
import type { ArtifactRecord } from "@counterpart/core/sync/artifact-types";
import type { ContractOrigin } from "@counterpart/core/sync/message-types-state";
import type { ContractEntry } from "../engine/types.ts";
import { isToldOnly } from "../engine/unnamed.ts";

/** The origin that a record proves of a contract for which there is none yet, or only somebody's word. */
export function provenOrigin(
  entry: ContractEntry | undefined,
  record: ArtifactRecord,
  chain: ChainIdentity,
): ContractOrigin | undefined {
  const { address, codeHash, creationNonce } = record;
  if (creationNonce === undefined || entry?.codeHash !== codeHash || !isToldOnly(entry)) return undefined;
  try {
    return { address, creationNonce, owner: verifyArtifact(record, chain) };
  } catch (error) {
    if (isCodedError(error, "INVALID_ARTIFACT")) return undefined;
    throw error;
  }
}
