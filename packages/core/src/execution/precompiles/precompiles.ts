/** The precompiled contracts of each fork. */

import type { Hex } from "../../base/bytes.ts";
import { FORKS, type Fork, isAtLeast } from "../fork.ts";
import { BLAKE2F } from "./blake2f.ts";
import { BLS12_381 } from "./bls12-381.ts";
import {
  BN254_ADD,
  BN254_ADD_ISTANBUL,
  BN254_MUL,
  BN254_MUL_ISTANBUL,
  BN254_PAIRING,
  BN254_PAIRING_ISTANBUL,
} from "./bn254.ts";
import { ECRECOVER } from "./ecrecover.ts";
import { IDENTITY, RIPEMD160, SHA256 } from "./hashes.ts";
import { MODEXP, MODEXP_BERLIN, MODEXP_OSAKA } from "./modexp.ts";
import { P256_VERIFY } from "./p256-verify.ts";
import { POINT_EVALUATION } from "./point-evaluation.ts";
import type { Precompile } from "./types.ts";

/** From a fork on, at an address: until a later entry takes its place. */
type Entry = readonly [since: Fork, address: number, precompile: Precompile];

const FIRST_OF_BLS12_381 = 0x0b;

/** In the order of the forks. */
const ENTRIES: readonly Entry[] = [
  ["frontier", 0x01, ECRECOVER],
  ["frontier", 0x02, SHA256],
  ["frontier", 0x03, RIPEMD160],
  ["frontier", 0x04, IDENTITY],
  ["byzantium", 0x05, MODEXP],
  ["byzantium", 0x06, BN254_ADD],
  ["byzantium", 0x07, BN254_MUL],
  ["byzantium", 0x08, BN254_PAIRING],
  ["istanbul", 0x06, BN254_ADD_ISTANBUL],
  ["istanbul", 0x07, BN254_MUL_ISTANBUL],
  ["istanbul", 0x08, BN254_PAIRING_ISTANBUL],
  ["istanbul", 0x09, BLAKE2F],
  ["berlin", 0x05, MODEXP_BERLIN],
  ["cancun", 0x0a, POINT_EVALUATION],
  ...BLS12_381.map((each, index): Entry => ["prague", FIRST_OF_BLS12_381 + index, each]),
  ["osaka", 0x05, MODEXP_OSAKA],
  ["osaka", 0x100, P256_VERIFY],
];

const addressOf = (number: number): Hex => `0x${number.toString(16).padStart(40, "0")}`;

function precompilesFor(fork: Fork): ReadonlyMap<Hex, Precompile> {
  const held = ENTRIES.filter(([since]) => isAtLeast(fork, since));
  return new Map(held.map(([, address, precompile]) => [addressOf(address), precompile]));
}

const PRECOMPILES: ReadonlyMap<Fork, ReadonlyMap<Hex, Precompile>> = new Map(
  FORKS.map((fork) => [fork, precompilesFor(fork)]),
);

/** By address. */
export const precompilesOf = (fork: Fork): ReadonlyMap<Hex, Precompile> =>
  PRECOMPILES.get(fork) as ReadonlyMap<Hex, Precompile>;
