/** The price of blob gas. Source: EIP-4844. */

export const GAS_PER_BLOB = 131_072n;
const MIN_BLOB_BASE_FEE = 1n;

/** e to the power of numerator / denominator, times factor, by its Taylor series in integers. */
function fakeExponential(factor: bigint, numerator: bigint, denominator: bigint): bigint {
  let sum = 0n;
  let term = factor * denominator;
  for (let i = 1n; term > 0n; i++) {
    sum += term;
    term = (term * numerator) / (denominator * i);
  }
  return sum / denominator;
}

/** Price of a unit of blob gas in a block whose header has this excess. */
export const blobBaseFeeOf = (excessBlobGas: bigint, updateFraction: bigint): bigint =>
  fakeExponential(MIN_BLOB_BASE_FEE, excessBlobGas, updateFraction);
