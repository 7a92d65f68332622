/** Compression of frames, as the protocol code sees it. Types only. */

export interface Compressor {
  /** As `Version` names it, such as "zstd". */
  readonly name: string;
  compress(bytes: Uint8Array): Uint8Array;
  /**
   * Takes no more memory than `sizeMax` and a fixed amount, whatever the bytes say.
   * @throws when the bytes are malformed or hold more than `sizeMax`
   */
  decompress(bytes: Uint8Array, sizeMax: number): Uint8Array;
}
