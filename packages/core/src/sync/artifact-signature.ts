/** What a contract's owner signs of an artifact: an EIP-712 digest, computed by hand so that it runs anywhere. */

import { bigIntToFixedBytes, concatBytes, type Hex, hexToBytes, leftPad, utf8ToBytes } from "../base/bytes.ts";
import { keccak256 } from "../crypto/crypto.ts";

export interface ChainIdentity {
  readonly chainId: number;
  readonly genesisHash: Hex;
}

/** The signed values. */
export interface ArtifactClaim {
  /** The contract. */
  readonly address: Hex;
  readonly codeHash: Hex;
  /** Absent for a factory's children. */
  readonly creationNonce?: bigint;
  /** Milliseconds. */
  readonly updatedAt: number;
  readonly contentHash: Hex;
}

const DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
const STRUCT_TYPE =
  "Artifact(bytes32 genesisHash,bytes32 codeHash,uint256 creationNonce,uint256 updatedAt,bytes32 contentHash)";
/**
 * Signed in place of the nonce that a factory's child does not have. No account reaches it (EIP-2681), so a record
 * with its nonce cut off is never valid.
 */
export const NO_CREATION_NONCE = (1n << 256n) - 1n;

const hashText = (text: string): Uint8Array => keccak256(utf8ToBytes(text));
const uint256 = (value: bigint): Uint8Array => bigIntToFixedBytes(value, 32);

/** The 32-byte digest that the owner signs (EIP-712). */
export function artifactDigest(claim: ArtifactClaim, chain: ChainIdentity): Uint8Array {
  const domain = concatBytes(
    hashText(DOMAIN_TYPE),
    hashText("Counterpart"),
    hashText("1"),
    uint256(BigInt(chain.chainId)),
    leftPad(hexToBytes(claim.address), 32),
  );
  const struct = concatBytes(
    hashText(STRUCT_TYPE),
    hexToBytes(chain.genesisHash),
    hexToBytes(claim.codeHash),
    uint256(claim.creationNonce ?? NO_CREATION_NONCE),
    uint256(BigInt(claim.updatedAt)),
    hexToBytes(claim.contentHash),
  );
  return keccak256(concatBytes(new Uint8Array([0x19, 0x01]), keccak256(domain), keccak256(struct)));
}
