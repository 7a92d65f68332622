/** Requests from execution to consensus, and what a header says of them. Sources: EIP-7685, EIP-6110. */

import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToBigInt, bytesToHex, concatBytes, type Hex } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import type { Log } from "../chain/types.ts";

/** keccak of DepositEvent(bytes,bytes,bytes,bytes,bytes). */
const DEPOSIT_TOPIC: Hex = "0x649bbc62d0e31342afea4e5cd82d4049e7e1ee912fc0889aa790803be39038c5";
const DEPOSIT_EVENT_BYTES = 576;

/** Where a field's length stands in the event's data, and how many bytes it has: public key to index. */
const DEPOSIT_FIELDS: readonly (readonly [at: number, size: number])[] = [
  [160, 48],
  [256, 32],
  [320, 8],
  [384, 96],
  [512, 8],
];
const WORD = 32;

function readWord(data: Uint8Array, at: number): number {
  return Number(bytesToBigInt(data.subarray(at, at + WORD)));
}

/** A deposit's public key, withdrawal credentials, amount, signature and index. @throws CodedError `INVALID_BLOCK` */
function depositOf({ data }: Log): Uint8Array {
  const hasLayout =
    data.length === DEPOSIT_EVENT_BYTES &&
    DEPOSIT_FIELDS.every(([at, size], index) => readWord(data, index * WORD) === at && readWord(data, at) === size);
  if (!hasLayout) throw new CodedError("INVALID_BLOCK", "a deposit's event does not have the layout of EIP-6110");
  return concatBytes(...DEPOSIT_FIELDS.map(([at, size]) => data.subarray(at + WORD, at + WORD + size)));
}

/**
 * The deposits that a block's logs tell of, one after the other.
 * @param contract that takes deposits
 * @throws CodedError `INVALID_BLOCK` when an event of the contract is malformed
 */
export function depositsIn(logs: Iterable<Log>, contract: Hex): Uint8Array {
  const deposits: Uint8Array[] = [];
  for (const log of logs) {
    if (log.address === contract && log.topics[0] === DEPOSIT_TOPIC) deposits.push(depositOf(log));
  }
  return concatBytes(...deposits);
}

/**
 * What a header says of its block's requests.
 * @param requests data by type, from type 0 on; types without data are left out of the hash
 */
export function requestsHashOf(requests: readonly Uint8Array[]): Hex {
  const hashes = requests.flatMap((data, type) =>
    data.length === 0 ? [] : [sha256(concatBytes(new Uint8Array([type]), data))],
  );
  return bytesToHex(sha256(concatBytes(...hashes)));
}
