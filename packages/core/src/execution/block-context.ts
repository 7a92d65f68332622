/** What the EVM may know of a block. */

import type { AnyHeader } from "../chain/any-header.ts";
import { ZERO_HASH } from "../chain/header.ts";
import type { BlockContext } from "./types.ts";

/** Of a block of any fork, difficulty and blob fees left out. */
export function blockContextOf(header: AnyHeader, blockHash: BlockContext["blockHash"]): BlockContext {
  return {
    number: header.number,
    timestamp: header.timestamp,
    coinbase: header.coinbase,
    gasLimit: header.gasLimit,
    baseFeePerGas: header.baseFeePerGas ?? 0n,
    prevRandao: header.mixHash,
    parentHash: header.parentHash,
    parentBeaconBlockRoot: header.parentBeaconBlockRoot ?? ZERO_HASH,
    blockHash,
  };
}
