/** What attackers do: announce, claim and answer, or write bytes; each a way to run an attack. */

import assert from "node:assert/strict";
import type { Hex } from "@counterpart/core/base/bytes";
import type { Message, Status } from "@counterpart/core/sync/message-types";
import { eventually } from "../network/nodes.ts";
import { FAKE_HASH, forgeTransaction } from "./forgeries.ts";
import { type Answer, framed, type HostilePeer, PATIENCE_MS } from "./hostile-peer.ts";
import { type Attack, counted, type Ground, type Verdict } from "./judge.ts";

export const TOLERATED: Verdict = { faults: [], end: undefined, banned: false };
export const IGNORED: Verdict = { ...TOLERATED, faults: ["REFUSED_RECORD"] };
export const EMPTY: Verdict = { ...TOLERATED, faults: ["EMPTY_REPLY"] };
export const BROKEN: Verdict = { faults: ["BAD_MESSAGE"], end: "BAD_MESSAGE", banned: false };
export const WRONG: Verdict = { faults: ["WRONG_REPLY"], end: "BAD_MESSAGE", banned: false };
export const FORGED: Verdict = { faults: ["FORGED_CONTENT"], end: "PEER_BANNED", banned: true };
export const UNPROVEN: Verdict = { faults: ["FORGED_PROOF"], end: "PEER_BANNED", banned: true };
export const INVALID: Verdict = { faults: ["INVALID_BLOCK"], end: "PEER_BANNED", banned: true };

/** More than any node has. */
export const FAR_AHEAD = 2 ** 40;
export const fakeHeight = (): Partial<Status> => ({ head: { hash: FAKE_HASH, number: FAR_AHEAD } });
const NONCE_TOO_HIGH = 1_000_000;
const REFUSED = /^counterpart_pool_refused_transactions_total\{.*code="NONCE_TOO_HIGH".*\}$/;

type Run = Attack["run"];

export async function meet(ground: Ground): Promise<HostilePeer> {
  const peer = await ground.newPeer();
  await peer.meet();
  return peer;
}

/**
 * Resolves when the node has handled or dropped all that the peer announced before: announcements are handled in turn,
 * and it counts that it refuses the last one, which is repeated as it may be dropped as well.
 */
async function handled({ victim }: Ground, peer: HostilePeer): Promise<void> {
  const before = await counted(victim, REFUSED);
  const last: Message = { type: "NewTransaction", transactions: [forgeTransaction(peer, NONCE_TOO_HIGH)] };
  await eventually(async () => {
    peer.say(last);
    assert.ok((await counted(victim, REFUSED)) > before);
  }, PATIENCE_MS);
}

/** Announcements from a peer that is otherwise in step. */
export const announces =
  (forged: readonly Hex[], messages: (peer: HostilePeer, ground: Ground) => Promise<Iterable<Message>>): Run =>
  async (ground) => {
    const peer = await meet(ground);
    const all = await messages(peer, ground);
    await peer.write(
      (function* () {
        for (const message of all) yield framed(message);
      })(),
    );
    await handled(ground, peer);
    return { attackers: [peer], forged };
  };

/** Writes bytes on the announcement stream, each opening from a peer of its own, until the node ends the link. */
export const writes =
  (...openings: readonly Uint8Array[]): Run =>
  async (ground) => {
    const attackers = await Promise.all(openings.map(() => meet(ground)));
    for (const [index, peer] of attackers.entries()) await peer.write([openings[index] ?? new Uint8Array()]);
    await Promise.all(attackers.map((peer) => peer.gone()));
    return { attackers, forged: [] };
  };

export interface Lie {
  readonly claim: (peer: HostilePeer) => Partial<Status>;
  /** The answer may change what the peer claims. */
  readonly answer: Answer;
  readonly forged?: readonly Hex[];
  /** How many requests the node makes of it before it is judged, where the node does not end the link. */
  readonly asks?: number;
}

async function tell(peer: HostilePeer, { claim, answer }: Lie): Promise<void> {
  peer.answer = answer;
  peer.claim = { sequence: FAR_AHEAD, ...claim(peer) };
  peer.say(peer.status());
}

async function isOver(peer: HostilePeer, { asks }: Lie): Promise<void> {
  if (asks === undefined) await peer.gone();
  else await peer.until(() => peer.asked.length >= asks, `${asks} requests`);
}

/** Claims to have what the node has not, and answers its questions; so many peers at once with the same lie. */
export const claims =
  (lie: (peer: HostilePeer, ground: Ground) => Promise<Lie>, peers = 1): Run =>
  async (ground) => {
    const attackers = await Promise.all(Array.from({ length: peers }, () => meet(ground)));
    const lies: Lie[] = [];
    for (const peer of attackers) lies.push(await lie(peer, ground));
    const told = attackers.map((peer, index) => [peer, lies[index] as Lie] as const);
    for (const [peer, one] of told) await tell(peer, one);
    await Promise.all(told.map(([peer, one]) => isOver(peer, one)));
    return { attackers, forged: lies.flatMap(({ forged }) => forged ?? []) };
  };
