/** A file of blocks, compressed or not, while it is read. */

import { createReadStream } from "node:fs";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";

export interface BlocksFile {
  readonly bytes: AsyncIterable<Uint8Array>;
  /** How much of the file is behind a block, of so many bytes with those before it. */
  behind(blockBytes: number): number;
  close(): void;
}

const READ_BYTES = 1024 * 1024;

/** RFC 1952, section 2.3.1; no list of RLP begins like that. */
const isCompressed = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

async function* chunksFrom(first: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  yield* rest;
}

/** To be read at once, as nobody else hears of its errors. Whether it is compressed, its beginning says, not its name. */
export function openBlocksFile(path: string): BlocksFile {
  const file = createReadStream(path, { highWaterMark: READ_BYTES });
  let isPlain = true;
  async function* read(): AsyncGenerator<Buffer> {
    const chunks: AsyncIterableIterator<Buffer> = file[Symbol.asyncIterator]();
    const first = await chunks.next();
    if (first.done === true) return;
    isPlain = !isCompressed(first.value);
    const all = chunksFrom(first.value, chunks);
    // What goes wrong with either of them ends the last one, and so is thrown where that is read.
    yield* isPlain ? all : pipeline(all, createGunzip(), () => {});
  }
  return {
    bytes: read(),
    behind: (blockBytes) => (isPlain ? blockBytes : file.bytesRead),
    close: () => void file.destroy(),
  };
}
