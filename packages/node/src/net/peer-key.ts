/** A node's network identity: an Ed25519 key, kept by the application as libp2p's protobuf bytes. */

import { CodedError } from "@counterpart/core/base/errors";
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from "@libp2p/crypto/keys";
import type { Ed25519PrivateKey } from "@libp2p/interface";

/** A new random identity, as the bytes to keep in the data directory and to pass as `privateKey`. Secret. */
export async function createPeerKey(): Promise<Uint8Array> {
  return privateKeyToProtobuf(await generateKeyPair("Ed25519"));
}

/**
 * The key that `createPeerKey` made.
 * @throws CodedError `INVALID_CONFIG` when the bytes are no Ed25519 key
 */
export function peerKeyFromBytes(bytes: Uint8Array): Ed25519PrivateKey {
  const key = parseKey(bytes);
  if (key?.type !== "Ed25519") throw new CodedError("INVALID_CONFIG", "the peer key is not an Ed25519 private key");
  return key;
}

function parseKey(bytes: Uint8Array) {
  try {
    return privateKeyFromProtobuf(bytes);
  } catch {
    return undefined;
  }
}
