/** Rules and limits of the chain that never change while it runs. Hard fork: Osaka, from genesis. */

/** Gas that the transactions of one block may use together. */
export const BLOCK_GAS_LIMIT = 60_000_000;

/** Gas limit that one transaction may have (EIP-7825). */
export const TX_GAS_MAX = 2 ** 24;

/** Bytes of an encoded block. */
export const MAX_BLOCK_BYTES = 768 * 1024;

/** Bytes of an encoded transaction; the same as other clients accept into their pools. */
export const MAX_TRANSACTION_BYTES = 128 * 1024;

/** Bytes of initcode (EIP-3860). */
export const MAX_INITCODE_BYTES = 49_152;

/** Bytes of an encoded header: room for the seals of several hundred validators. */
export const MAX_HEADER_BYTES = 64 * 1024;
