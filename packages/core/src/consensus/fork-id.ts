/**
 * The identifier of a chain's rules at a time: a checksum over the genesis and every fork that has begun.
 * Sources: EIP-2124, EIP-6122.
 */

import { bigIntToFixedBytes, bytesToHex, type Hex, hexToBytes } from "../base/bytes.ts";
import type { ForkSchedule } from "./fork-schedule.ts";

/** Reversed, as IEEE 802.3 has it. */
const CRC32_POLYNOMIAL = 0xedb88320;

function crc32(bytes: Uint8Array, checksum: number): number {
  let crc = ~checksum;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? CRC32_POLYNOMIAL : 0);
  }
  return ~crc >>> 0;
}

/** Block 0, as far as an identifier depends on it. */
export interface ForkIdGenesis {
  readonly hash: Hex;
  /** Seconds since 1970: forks up to then are the genesis's own rules. */
  readonly timestamp: number;
}

/**
 * FORK_HASH of EIP-2124, four bytes, with every fork by number and those by time up to `timestamp`.
 * @param timestamp seconds since 1970
 */
export function forkHash(
  { forkNumbers, forkTimes }: Pick<ForkSchedule, "forkNumbers" | "forkTimes">,
  genesis: ForkIdGenesis,
  timestamp: number,
): Hex {
  const begun = [
    ...forkNumbers.filter((number) => number > 0),
    ...forkTimes.filter((time) => time > genesis.timestamp && time <= timestamp),
  ];
  let checksum = crc32(hexToBytes(genesis.hash), 0);
  for (const at of begun) checksum = crc32(bigIntToFixedBytes(BigInt(at), 8), checksum);
  return bytesToHex(bigIntToFixedBytes(BigInt(checksum), 4));
}
