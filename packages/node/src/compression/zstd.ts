/** Zstandard (RFC 8878) of Node's zlib. */

import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type { Compressor } from "@counterpart/core/ports/compressor";

/** Window of 1 MiB: a reader has to hold as much, and a frame may not ask it for more. */
const WINDOW_LOG = 20;
/** Of the library's levels 1 to 22: higher ones gain a few percent on ABIs and blocks and take several times as long. */
const LEVEL = 3;

export const zstd: Compressor = {
  name: "zstd",
  compress: (bytes) =>
    zstdCompressSync(bytes, {
      params: { [constants.ZSTD_c_windowLog]: WINDOW_LOG, [constants.ZSTD_c_compressionLevel]: LEVEL },
    }),
  decompress: (bytes, sizeMax) =>
    zstdDecompressSync(bytes, {
      maxOutputLength: sizeMax,
      params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG },
    }),
};
