/** What gas and blob gas cost in the next block. Sources: EIP-1559, EIP-4844, EIP-7918. */

import type { AnyHeader } from "../chain/any-header.ts";
import { blobBaseFeeOf, GAS_PER_BLOB } from "../execution/blob-gas.ts";
import type { BlobSchedule } from "./fork-schedule.ts";

const INITIAL_BASE_FEE = 1_000_000_000n;
const ELASTICITY = 2n;
const CHANGE_DENOMINATOR = 8n;
/** Execution gas that a blob must cost at least as much as (EIP-7918). */
const BLOB_BASE_COST = 8_192n;

/** Base fee of the block after `parent`; where the parent has none, London begins. */
export function nextBaseFee(parent: AnyHeader): bigint {
  const fee = parent.baseFeePerGas;
  if (fee === undefined) return INITIAL_BASE_FEE;
  const target = BigInt(parent.gasLimit) / ELASTICITY;
  const used = BigInt(parent.gasUsed);
  if (used === target) return fee;
  if (used < target) return fee - (fee * (target - used)) / target / CHANGE_DENOMINATOR;
  const rise = (fee * (used - target)) / target / CHANGE_DENOMINATOR;
  return fee + (rise > 1n ? rise : 1n);
}

/**
 * Excess blob gas of the block after `parent`.
 * @param blobs limits at the block itself
 * @param hasReserve whether blobs cost at least what some execution gas does, from Osaka on (EIP-7918)
 */
export function nextExcessBlobGas(parent: AnyHeader, blobs: BlobSchedule, hasReserve: boolean): bigint {
  const [excess, used] = [BigInt(parent.excessBlobGas ?? 0), BigInt(parent.blobGasUsed ?? 0)];
  const target = BigInt(blobs.target) * GAS_PER_BLOB;
  if (excess + used < target) return 0n;
  const reserve = BLOB_BASE_COST * (parent.baseFeePerGas ?? 0n);
  if (hasReserve && reserve > GAS_PER_BLOB * blobBaseFeeOf(excess, blobs.updateFraction)) {
    return excess + (used * BigInt(blobs.max - blobs.target)) / BigInt(blobs.max);
  }
  return excess + used - target;
}
