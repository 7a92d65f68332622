/** Attacks below the messages: lengths, pace, answers to nothing, and coming back. */

import assert from "node:assert/strict";
import { constants, zstdCompressSync } from "node:zlib";
import { concatBytes } from "@counterpart/core/base/bytes";
import type { Stream } from "@libp2p/interface";
import { zstd } from "../../packages/node/src/compression/zstd.ts";
import { encodeFrame } from "../../packages/node/src/net/frame-writer.ts";
import { ANNOUNCE_PROTOCOL } from "../../packages/node/src/net/link-table.ts";
import { closed } from "../../packages/node/src/net/testing/raw-peer.ts";
import { FAKE_HASH } from "./forgeries.ts";
import { framed, type HostilePeer } from "./hostile-peer.ts";
import type { Attack, Evidence, Ground, Verdict } from "./judge.ts";
import { BROKEN, claims, FAR_AHEAD, fakeHeight, meet, TOLERATED, WRONG, writes } from "./moves.ts";

const CUT: Verdict = { ...BROKEN, end: "cut" };
const PREFIX_OF_4_GIB = Uint8Array.of(255, 255, 255, 255);
const PREFIX_OVER_1_MIB = Uint8Array.of(0, 16, 0, 1);
/** A frame of 64 KiB begins so. */
const PREFIX_OF_64_KIB = Uint8Array.of(0, 1, 0, 0);
const FAULTS_TO_BAN = 4;
const DRIP_MS = 1_000;
const SLOW_STREAMS = 8;
const UNSOLICITED = framed({ type: "Headers", headers: [] });

const MIB = 2 ** 20;

/** A frame that says that it is compressed. */
export const packed = (body: Uint8Array): Uint8Array => encodeFrame(concatBytes(Uint8Array.of(1), body));

/** A `Status` of a thousand bytes, by its length and type number. */
function oversizeStatus(): Uint8Array {
  return Uint8Array.of(0xf9, 0x03, 0xe8, 0x02, ...new Uint8Array(999).fill(0x01));
}

/** On streams of requests, and as an answer. */
async function promisesTooMuch(ground: Ground): Promise<Evidence> {
  const attackers = [await meet(ground), await meet(ground)];
  for (const [index, prefix] of [PREFIX_OF_4_GIB, PREFIX_OVER_1_MIB].entries()) {
    const stream = await attackers[index]?.open();
    stream?.send(prefix);
  }
  await Promise.all(attackers.map((peer) => peer.gone()));
  return { attackers, forged: [] };
}

/** Begins a frame and goes on with a byte a second, until the stream is closed. */
export async function drip(stream: Stream): Promise<void> {
  stream.send(PREFIX_OF_64_KIB);
  const timer = setInterval(() => {
    if (stream.writeStatus === "writable") stream.send(Uint8Array.of(0));
  }, DRIP_MS);
  await closed(stream);
  clearInterval(timer);
}

/** On every stream but the one of announcements: requests, an answer, and a connection that becomes no link. */
async function dripsEverywhere(ground: Ground): Promise<Evidence> {
  const peer = await meet(ground);
  const answered = Promise.withResolvers<void>();
  peer.answer = (_, stream) => void drip(stream).then(answered.resolve);
  peer.claim = { sequence: FAR_AHEAD, ...fakeHeight() };
  peer.say(peer.status());
  const requests = await Promise.all(Array.from({ length: SLOW_STREAMS }, () => peer.open()));
  const unlinked = await peer.dial();
  const hello = await unlinked.newStream(ANNOUNCE_PROTOCOL);
  await Promise.all([...requests.map(drip), drip(hello), closed(unlinked), answered.promise]);
  return { attackers: [peer], forged: [FAKE_HASH] };
}

async function dripsAnnouncements(ground: Ground): Promise<Evidence> {
  const peer = await meet(ground);
  peer.isMute = true;
  void drip(peer.announcements);
  await peer.gone();
  return { attackers: [peer], forged: [] };
}

async function isSentAway(peer: HostilePeer): Promise<void> {
  await peer.until(() => peer.goodbye !== undefined, "a goodbye");
}

/** Comes back with the same fault until the node does not take it any more, and then once more. */
async function reconnects(ground: Ground): Promise<Evidence> {
  const peer = await meet(ground);
  for (let faults = 1; faults <= FAULTS_TO_BAN; faults++) {
    assert.ok(peer.isOpen, `sent away after ${faults - 1} faults`);
    await peer.write([UNSOLICITED]);
    await isSentAway(peer);
    await peer.meet();
  }
  assert.equal(peer.goodbye, "PEER_BANNED");
  await peer.meet();
  await peer.gone();
  return { attackers: [peer], forged: [] };
}

const tooLong = (prefix: Uint8Array) => claims(async () => ({ claim: fakeHeight, answer: () => prefix }));

export const FRAMING_ATTACKS: readonly Attack[] = [
  {
    name: "length prefixes promise 4 GiB, and a byte more than a frame may have",
    verdict: CUT,
    run: writes(PREFIX_OF_4_GIB, PREFIX_OVER_1_MIB),
  },
  { name: "length prefixes of requests promise the same", verdict: CUT, run: promisesTooMuch },
  { name: "the length prefix of an answer promises 4 GiB", verdict: WRONG, run: tooLong(PREFIX_OF_4_GIB) },
  {
    name: "frames are larger than their type allows, or undecodable",
    verdict: BROKEN,
    run: writes(encodeFrame(oversizeStatus()), encodeFrame(new Uint8Array(2 ** 20)), encodeFrame(new Uint8Array())),
  },
  {
    name: "compressed frames hold far more than they may, ask for much memory, or are none",
    verdict: BROKEN,
    run: writes(
      packed(zstd.compress(new Uint8Array(256 * MIB))),
      packed(zstd.compress(new Uint8Array(MIB))),
      packed(zstdCompressSync(new Uint8Array(256 * MIB), { params: { [constants.ZSTD_c_windowLog]: 27 } })),
      packed(new Uint8Array(1_000)),
    ),
  },
  {
    name: "answers come that nobody asked for",
    verdict: BROKEN,
    run: writes(UNSOLICITED, framed({ type: "Blocks", blocks: [] }), framed({ type: "Blobs", blobs: [] })),
  },
  {
    name: "a byte a second comes on every stream",
    verdict: { ...TOLERATED, faults: ["TIMEOUT"] },
    counted: [
      /^counterpart_net_reset_requests_total\{reason="failed"\}$/,
      /^counterpart_net_refused_connections_total\{reason="(hello|unlinked)"\}$/,
    ],
    run: dripsEverywhere,
  },
  {
    name: "a byte a second comes on the stream of announcements",
    verdict: { ...TOLERATED, end: "TIMEOUT" },
    isLong: true,
    run: dripsAnnouncements,
  },
  {
    name: "a peer reconnects to be forgiven",
    verdict: { faults: ["BAD_MESSAGE"], end: "PEER_BANNED", banned: true },
    run: reconnects,
  },
];
