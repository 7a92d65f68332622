import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { bytesToHex, equalBytes, hexToBytes } from "../base/bytes.ts";
import { CodedError, isCodedError } from "../base/errors.ts";
import { encodeRlp, type RlpInput, rlpNumber } from "../codec/rlp.ts";
import {
  FRAME_BYTES_BY_TYPE,
  FRAME_BYTES_MAX,
  NODE_BYTES_MAX,
  OWN_LIMITS,
  PROOF_NODES_MAX,
  RANGE_ACCOUNTS_MAX,
  RANGE_SLOTS_MAX,
} from "./limits.ts";
import { MESSAGE_NUMBERS, type Message, type MessageType, type VersionMessage } from "./message-types.ts";
import { anyMessage, messagesByType } from "./messages.test-support.ts";
import { decodeMessage, encodeMessage, frameType } from "./messages.ts";

const HASH = new Uint8Array(32).fill(7);
const ONE = Uint8Array.of(1);
/** All that there is to tell of a contract. */
const ORIGIN: RlpInput = [HASH.subarray(12), [HASH.subarray(12)], [ONE]];
const TYPES = Object.keys(MESSAGE_NUMBERS) as MessageType[];

const frameOf = (type: MessageType, ...fields: RlpInput[]): Uint8Array =>
  encodeRlp([rlpNumber(MESSAGE_NUMBERS[type]), ...fields]);

const repeat = (item: RlpInput, count: number): RlpInput[] => Array.from({ length: count }, () => item);

/** Decodes to something with this very encoding, or is refused with a coded error. */
function checkStrict(frame: Uint8Array): void {
  let message: Message;
  try {
    message = decodeMessage(frame);
  } catch (error) {
    assert.ok(error instanceof CodedError, String(error));
    assert.notEqual(error.code, "INVARIANT_BROKEN");
    return;
  }
  assert.ok(equalBytes(encodeMessage(message), frame), `another encoding of ${message.type} was accepted`);
}

describe("messages", () => {
  for (const type of TYPES) {
    it(`gives ${type} back as it was`, () => {
      fc.assert(
        fc.property(messagesByType[type], (message) => {
          const frame = encodeMessage(message);
          assert.equal(frameType(frame), type);
          assert.deepEqual(decodeMessage(frame), message);
        }),
        { numRuns: 60 },
      );
    });
  }

  it("refuses or keeps exactly every mutation", () => {
    const edit = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(anyMessage, fc.array(edit, { minLength: 1, maxLength: 3 }), (message, edits) => {
        const frame = encodeMessage(message);
        for (const [at, bits] of edits) {
          const index = at % frame.length;
          frame[index] = (frame[index] ?? 0) ^ bits;
        }
        checkStrict(frame);
      }),
      { numRuns: 2_000 },
    );
  });

  it("refuses every truncation and every extension", () => {
    fc.assert(
      fc.property(anyMessage, fc.nat(), (message, at) => {
        const frame = encodeMessage(message);
        assert.throws(() => decodeMessage(frame.subarray(0, at % frame.length)), CodedError);
        assert.throws(() => decodeMessage(new Uint8Array([...frame, 0])), CodedError);
      }),
      { numRuns: 500 },
    );
  });

  it("answers arbitrary bytes with a message or a coded error", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), checkStrict), { numRuns: 1_000 });
  });

  it("refuses a frame above its type's size before it decodes it", () => {
    for (const type of TYPES) {
      const size = FRAME_BYTES_BY_TYPE[type];
      assert.ok(size <= FRAME_BYTES_MAX);
      // The payload claims to be a list, but is none: decoding it would give another error.
      const frame = new Uint8Array(size + 1).fill(0xff);
      frame.set(hexToBytes("0xfa"), 0);
      frame[4] = MESSAGE_NUMBERS[type];
      assert.throws(
        () => decodeMessage(frame),
        (error) => isCodedError(error, "BAD_MESSAGE") && /larger than allowed/.test(error.message),
        type,
      );
    }
  });

  it("takes as many items as advertised, and not one more", () => {
    const cases: readonly (readonly [MessageType, number, (count: number) => RlpInput[]])[] = [
      ["Headers", OWN_LIMITS.headers, (count) => [repeat(HASH, count)]],
      ["GetHeaders", OWN_LIMITS.headers, (count) => [rlpNumber(5), rlpNumber(count), rlpNumber(0)]],
      ["GetBlocks", OWN_LIMITS.blocks, (count) => [repeat(HASH, count)]],
      ["Blocks", OWN_LIMITS.blocks, (count) => [repeat(HASH, count)]],
      ["NewTransaction", OWN_LIMITS.transactions, (count) => [repeat(HASH, count)]],
      ["GetContracts", OWN_LIMITS.contracts, (count) => [rlpNumber(2), repeat(HASH.subarray(12), count)]],
      ["GetBlobs", OWN_LIMITS.blobs, (count) => [repeat([HASH, HASH.subarray(12)], count)]],
      ["Blobs", OWN_LIMITS.blobs, (count) => [repeat([HASH], count)]],
      ["GetContracts", OWN_LIMITS.contracts, (count) => [rlpNumber(3), [HASH, repeat([HASH.subarray(12), []], count)]]],
      [
        "GetContracts",
        OWN_LIMITS.slots,
        (count) => {
          const slots = (some: number): RlpInput => [HASH.subarray(12), repeat(HASH, some)];
          return [rlpNumber(3), [HASH, [slots(3), slots(count - 3)]]];
        },
      ],
      ["GetContracts", OWN_LIMITS.contracts, (count) => [rlpNumber(5), repeat(HASH, count)]],
      ["Contracts", OWN_LIMITS.contracts, (count) => [rlpNumber(5), [], repeat([ORIGIN], count)]],
      ["GetStorage", OWN_LIMITS.storages, (count) => [HASH, repeat([HASH, HASH], count), HASH, ONE]],
      ["GetNodes", OWN_LIMITS.nodes, (count) => [HASH, HASH, repeat(new Uint8Array(33), count)]],
      ["Nodes", OWN_LIMITS.nodes, (count) => [repeat(HASH, count)]],
      ["Nodes", NODE_BYTES_MAX, (bytes) => [[new Uint8Array(bytes)]]],
      ["Contracts", 128, (bytes) => [rlpNumber(4), [[HASH, ONE], []], [[HASH, new Uint8Array(bytes)]]]],
      ["Storage", 32, (bytes) => [[[[[HASH, new Uint8Array(bytes)]], []]]]],
      ["Contracts", PROOF_NODES_MAX, (count) => [rlpNumber(3), [[HASH, rlpNumber(1)], repeat(HASH, count)], []]],
      [
        "Contracts",
        RANGE_ACCOUNTS_MAX,
        (count) => [rlpNumber(4), [[HASH, rlpNumber(1)], []], repeat([HASH, HASH], count)],
      ],
      [
        "Storage",
        RANGE_SLOTS_MAX,
        // Of the shortest values, as no others find room.
        (count) => [
          [
            [repeat([HASH, ONE], 3), []],
            [repeat([HASH, ONE], count - 3), []],
          ],
        ],
      ],
      [
        "UpdateContract",
        256,
        (count) => [rlpNumber(1), [HASH, repeat([HASH.subarray(12), HASH], count), rlpNumber(0)]],
      ],
    ];
    for (const [type, max, fields] of cases) {
      assert.equal(decodeMessage(frameOf(type, ...fields(max))).type, type);
      assert.throws(
        () => decodeMessage(frameOf(type, ...fields(max + 1))),
        (error) => isCodedError(error, "INVALID_RLP"),
        type,
      );
    }
  });

  it("takes as much text, as many versions and codecs in a Version as they are long, and not more", () => {
    const [version] = fc.sample(messagesByType.Version, { numRuns: 1, seed: 1 });
    assert.ok(version?.type === "Version");
    type Lists = Pick<VersionMessage, "client" | "instanceId" | "consensus" | "codecs" | "protocolVersions">;
    const cases: readonly (readonly [number, (count: number) => Partial<Lists>])[] = [
      [64, (count) => ({ client: "a".repeat(count) })],
      [64, (count) => ({ instanceId: "a".repeat(count) })],
      [64, (count) => ({ consensus: "a".repeat(count) })],
      [8, (count) => ({ codecs: Array(count).fill("a") })],
      [16, (count) => ({ protocolVersions: Array(count).fill(1) })],
    ];
    for (const [max, change] of cases) {
      const frame = (count: number): Uint8Array => encodeMessage({ ...version, ...change(count) });
      assert.equal(decodeMessage(frame(max)).type, "Version");
      assert.throws(() => decodeMessage(frame(max + 1)), { code: "INVALID_RLP" });
    }
  });

  it("refuses keys and signatures that are short, and what asks for no headers", () => {
    const envelope = [HASH.subarray(12), HASH, [], ONE, HASH, new Uint8Array(64), []];
    const frames: readonly (readonly [Uint8Array, RegExp])[] = [
      [frameOf("GetStorage", HASH, [[HASH, HASH]], HASH.subarray(1), ONE), /start is not 32 bytes/],
      [frameOf("Storage", [[[[HASH.subarray(1), ONE]], []]]), /key is not 32 bytes/],
      [frameOf("Contracts", ONE, [Uint8Array.of(97), ONE, ONE], [envelope]), /signature is not 65 bytes/],
      [frameOf("GetHeaders", [], ONE, rlpNumber(0)), /the locator is empty/],
      [frameOf("GetHeaders", [HASH], rlpNumber(0), rlpNumber(0)), /count is not between 1 and/],
    ];
    for (const [frame, message] of frames) assert.throws(() => decodeMessage(frame), { code: "INVALID_RLP", message });
  });

  it("refuses unknown types, empty frames, and what is no list", () => {
    for (const frame of ["0x", "0x80", "0xc0", "0xc17f", "0xc100", "0x01", "0xf800"]) {
      assert.throws(
        () => decodeMessage(hexToBytes(frame)),
        (error) => isCodedError(error, "BAD_MESSAGE"),
        frame,
      );
    }
  });

  it("refuses a contract's creation nonce without its creator, and anything about the contract index", () => {
    const refusedIndex = (about: RlpInput, entry: RlpInput): void => {
      assert.throws(
        () => decodeMessage(frameOf("Contracts", rlpNumber(5), about, [entry])),
        (error) => isCodedError(error, "INVALID_RLP"),
      );
    };
    refusedIndex([], [[HASH.subarray(12), [], [ONE]]]);
    refusedIndex([], [ORIGIN, ORIGIN]);
    refusedIndex([], [[HASH, [], []]]);
    refusedIndex([ONE], [ORIGIN]);
  });

  it("names an incompatible version whatever follows the versions", () => {
    const frame = frameOf("Version", [rlpNumber(2), rlpNumber(3)], HASH, [HASH]);
    assert.throws(
      () => decodeMessage(frame),
      (error) => isCodedError(error, "INCOMPATIBLE_VERSION"),
    );
    assert.throws(
      () => decodeMessage(frameOf("Version", [rlpNumber(1)], HASH)),
      (error) => isCodedError(error, "INVALID_RLP"),
    );
  });

  it("refuses text that could forge a log line", () => {
    const [goodbye] = fc.sample(messagesByType.Version, { numRuns: 1, seed: 1 });
    assert.ok(goodbye?.type === "Version");
    const frame = encodeMessage({ ...goodbye, client: "a\nb" });
    assert.throws(
      () => decodeMessage(frame),
      (error) => isCodedError(error, "INVALID_RLP"),
    );
  });

  it("will not build a frame that no peer would take", () => {
    const content = new Uint8Array(200 * 1024);
    const entry = {
      address: bytesToHex(HASH.subarray(12)),
      codeHash: bytesToHex(HASH),
      updatedAt: 1,
      contentHash: bytesToHex(HASH),
      signature: new Uint8Array(65),
      content,
    };
    const entries = [entry, entry, entry];
    assert.throws(
      () => encodeMessage({ type: "Contracts", kind: "since", instanceId: "a", upTo: 3, last: 3, entries }),
      (error) => isCodedError(error, "INVARIANT_BROKEN"),
    );
  });
});
