import assert from "node:assert/strict";
import { test } from "node:test";
import { concatBytes } from "@counterpart/core/base/bytes";
import { isCodedError } from "@counterpart/core/base/errors";
import type { Clock } from "@counterpart/core/ports/runtime";
import fc from "fast-check";
import { FrameDecoder } from "./frame-decoder.ts";
import { FrameWriter, type WritableStreamPart } from "./frame-writer.ts";

const KIB = 1024;

/** A stream that takes bytes while it has room, as libp2p's do: what does not fit waits in its write buffer. */
class FakeStream extends EventTarget {
  readonly chunks: Uint8Array[] = [];
  roomBytes: number;
  writableNeedsDrain = false;
  writeBufferLength = 0;
  writeStatus: "writable" | "closing" | "closed" = "writable";

  constructor(roomBytes: number) {
    super();
    this.roomBytes = roomBytes;
  }

  send(data: Uint8Array): boolean {
    assert.equal(this.writableNeedsDrain, false, "the stream asked to wait");
    this.chunks.push(data);
    this.writeBufferLength += data.length;
    return this.#move();
  }

  /** The other side reads: this many bytes more fit. */
  read(bytes: number): void {
    this.roomBytes += bytes;
    this.writableNeedsDrain = false;
    this.#move();
    this.dispatchEvent(new Event("drain"));
  }

  get bytes(): Uint8Array {
    return concatBytes(...this.chunks);
  }

  #move(): boolean {
    const moved = Math.min(this.roomBytes, this.writeBufferLength);
    this.roomBytes -= moved;
    this.writeBufferLength -= moved;
    this.writableNeedsDrain = this.writeBufferLength > 0;
    if (!this.writableNeedsDrain) this.dispatchEvent(new Event("idle"));
    return !this.writableNeedsDrain;
  }
}

/** A clock whose timers fire when the test says so. */
class FakeClock implements Clock {
  readonly timers = new Set<() => void>();

  now(): number {
    return 0;
  }

  setTimer(_delayMs: number, callback: () => void): () => void {
    this.timers.add(callback);
    return () => this.timers.delete(callback);
  }

  fire(): void {
    const due = [...this.timers];
    this.timers.clear();
    for (const callback of due) callback();
  }
}

const LIMITS = { frameBytesMax: 1024 * KIB, queueBytesMax: 4096 * KIB, queueFramesMax: 100, stuckMs: 30_000 };

function createWriter(roomBytes: number, limits: Partial<typeof LIMITS> = {}) {
  const stream = new FakeStream(roomBytes);
  const clock = new FakeClock();
  const stuck: string[] = [];
  const writer = new FrameWriter(stream as unknown as WritableStreamPart, {
    clock,
    limits: { ...LIMITS, ...limits },
    onFailed: (code) => stuck.push(code),
  });
  return { stream, clock, stuck, writer };
}

/** Lets deferred work run. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

test("frames are written in order, prefixed, in chunks of at most 64 KiB", async () => {
  const { stream, writer } = createWriter(Number.POSITIVE_INFINITY);
  const frames = [0, 1, 64 * KIB - 4, 64 * KIB - 3, 64 * KIB, 1024 * KIB].map((size, i) =>
    new Uint8Array(size).fill(i),
  );
  for (const frame of frames) assert.equal(writer.write(frame), true);
  await writer.idle();
  assert.ok(stream.chunks.every(({ length }) => length <= 64 * KIB));
  assert.deepEqual(new FrameDecoder(1024 * KIB).push(stream.bytes), frames);
});

test("a reader that pauses gets every byte once it reads again, whatever its pace", async () => {
  const sizes = fc.array(fc.nat(200 * KIB), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(
      sizes,
      fc.array(fc.integer({ min: 1, max: 150 * KIB }), { minLength: 1 }),
      async (lengths, reads) => {
        const { stream, writer } = createWriter(0);
        const frames = lengths.map((length, i) => new Uint8Array(length).fill(i));
        for (const frame of frames) assert.equal(writer.write(frame), true);
        for (let i = 0; stream.writeBufferLength > 0 || i < reads.length; i++) {
          assert.ok(stream.writeBufferLength <= 64 * KIB, "at most one chunk waits in the stream");
          stream.read(reads[i % reads.length] as number);
          await settle();
        }
        await writer.idle();
        assert.deepEqual(new FrameDecoder(1024 * KIB).push(stream.bytes), frames);
      },
    ),
    { numRuns: 25 },
  );
});

test("a full queue refuses frames, by bytes and by count, until the reader goes on", async () => {
  const byBytes = createWriter(0, { queueBytesMax: 300 * KIB });
  const frame = new Uint8Array(100 * KIB);
  // the first chunk of the first frame has left the queue only when its last one has
  assert.deepEqual(
    [1, 2, 3].map(() => byBytes.writer.write(frame)),
    [true, true, false],
  );
  byBytes.stream.read(150 * KIB);
  await settle();
  assert.equal(byBytes.writer.write(frame), true);

  const byCount = createWriter(0, { queueFramesMax: 3 });
  const tiny = new Uint8Array(1);
  // one is in the stream
  assert.deepEqual(
    [1, 2, 3, 4, 5].map(() => byCount.writer.write(tiny)),
    [true, true, true, true, false],
  );
});

test("a frame over the cap is refused with a code", () => {
  const { writer } = createWriter(0, { frameBytesMax: 10 });
  assert.throws(
    () => writer.write(new Uint8Array(11)),
    (error) => isCodedError(error, "BAD_MESSAGE"),
  );
});

test("a writer is stuck when nothing moves between two looks of its timer, and only then", async () => {
  const { stream, clock, stuck, writer } = createWriter(10 * KIB);
  writer.write(new Uint8Array(200 * KIB));
  stream.read(1);
  await settle();
  clock.fire();
  assert.deepEqual(stuck, [], "a byte has moved");
  // the connection drains for other streams, this one's window stays closed
  stream.dispatchEvent(new Event("drain"));
  await settle();
  clock.fire();
  assert.deepEqual(stuck, ["CONNECTION_TIMEOUT"]);
  assert.equal(clock.timers.size, 0);
});

test("a writer that has moved once and then stands still is stuck, though the stream says nothing more", async () => {
  const { stream, clock, stuck, writer } = createWriter(10 * KIB);
  writer.write(new Uint8Array(200 * KIB));
  stream.read(1);
  await settle();
  for (let look = 0; look < 2; look++) clock.fire();
  assert.deepEqual(stuck, ["CONNECTION_TIMEOUT"]);
});

test("a writer is idle once the stream has taken the last byte, and not before", async () => {
  const { stream, writer } = createWriter(0);
  writer.write(new Uint8Array(10));
  let isIdle = false;
  const idle = writer.idle().then(() => {
    isIdle = true;
  });
  stream.read(13);
  await settle();
  assert.equal(isIdle, false);
  stream.read(1);
  await idle;
});

test("a stream that throws fails the writer once, after the call that noticed", async () => {
  const { stream, stuck, writer } = createWriter(0);
  stream.send = () => {
    throw new Error("closed");
  };
  assert.equal(writer.write(new Uint8Array(1)), true);
  assert.deepEqual(stuck, []);
  await settle();
  assert.deepEqual(stuck, ["PEER_DISCONNECTED"]);
  assert.equal(writer.write(new Uint8Array(1)), false);
});

test("no timer runs while nothing waits, or after the end", async () => {
  const { stream, clock, writer } = createWriter(0);
  assert.equal(clock.timers.size, 0);
  writer.write(new Uint8Array(10));
  assert.equal(clock.timers.size, 1);
  stream.read(100);
  await settle();
  assert.equal(clock.timers.size, 0);
  stream.roomBytes = 0;
  writer.write(new Uint8Array(10));
  assert.equal(clock.timers.size, 1);
  writer.stop();
  assert.equal(clock.timers.size, 0);
});

test("a stopped writer refuses frames and lets those go who wait for it", async () => {
  const { stream, writer } = createWriter(0);
  writer.write(new Uint8Array(100 * KIB));
  const idle = writer.idle();
  writer.stop();
  await idle;
  assert.equal(writer.write(new Uint8Array(1)), false);
  const handed = stream.chunks.length;
  stream.read(1024 * KIB);
  await settle();
  assert.equal(stream.chunks.length, handed);
});

test("a stream that is closing is given nothing more", async () => {
  const { stream, writer } = createWriter(0);
  writer.write(new Uint8Array(100 * KIB));
  const handed = stream.chunks.length;
  stream.writeStatus = "closed";
  stream.read(1024 * KIB);
  await settle();
  assert.equal(stream.chunks.length, handed);
});
