/**
 * What to do about peers whose block execution here contradicts. Where there are others to ask, they are asked before
 * anybody is banned, because it may be this node that is wrong; meanwhile nothing more is taken from who sent it.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import { dropOldest } from "@counterpart/core/base/drop-oldest";
import { isCodedError } from "@counterpart/core/base/errors";
import type { Tip } from "@counterpart/core/consensus/poa";
import { standOf, verdictOn } from "@counterpart/core/sync/divergence";
import type { RefusedBlock } from "../engine/types.ts";
import { fetchHeaders, noteFailure } from "./block-fetch.ts";
import type { DivergenceAlarm } from "./divergence-alarm.ts";
import type { DriverMetrics } from "./driver-metrics.ts";
import { type Witness, witnessOf } from "./evidence.ts";
import { DISPUTE_ANSWER_MS, DISPUTE_POLL_MS, DISPUTE_POLLS_MAX, DISPUTES_MAX, PEERS_MAX } from "./limits.ts";
import type { Peers } from "./peers.ts";
import type { DriverDeps } from "./ports.ts";
import type { Session } from "./session.ts";
import type { Standings } from "./standings.ts";
import { sleep } from "./timing.ts";

export interface Disputes {
  /**
   * Takes the case of a peer that sent `block`, which execution here contradicts, or a descendant of it.
   * @returns false when nothing is known of the block any more
   */
  take(session: Session, block: Tip): boolean;
  /** Whether no blocks are to be taken from this peer now. */
  isHeldBack(session: Session): boolean;
  stop(): void;
}

export interface DisputesDeps extends Pick<DriverDeps, "engine" | "clock" | "self"> {
  readonly peers: Peers;
  readonly standings: Pick<Standings, "banOf" | "lift">;
  readonly metrics: DriverMetrics;
  readonly alarm: DivergenceAlarm;
  /** Whether this node keeps the peer connected of its own accord. */
  readonly isChosen: (peerId: string) => boolean;
}

interface Dispute {
  readonly refused: RefusedBlock;
  readonly sinceMs: number;
  /** Who sent it, by peer id, oldest first. */
  readonly senders: Map<string, Session>;
  /** Those of them for whom no verdict has been given. */
  readonly waiting: Set<Session>;
}

export function createDisputes(deps: DisputesDeps): Disputes {
  const { engine, clock, self, peers, standings, metrics, alarm, isChosen } = deps;
  /** By hash of the block, oldest first. */
  const disputes = new Map<Hex, Dispute>();
  let stopped = false;

  const witness = (session: Session, stand: Witness["stand"]): Witness =>
    witnessOf(session, stand, isChosen(session.peerId));
  /** Whether the block is on the peer's chain; undefined when it does not say. */
  const holds = async (session: Session, hash: Hex): Promise<boolean | undefined> => {
    try {
      await fetchHeaders(session, [hash], () => {});
      return true;
    } catch (error) {
      if (isCodedError(error, "PEER_ERROR")) return error.details.refusal === "NOT_HELD" ? false : undefined;
      noteFailure(peers, session, error);
      return undefined;
    }
  };
  /**
   * Who sent the block and is gone, banned for it or not, has held it. Of those who came later only who is still here
   * counts: one stranger can come again and again under new names.
   */
  const gone = ({ senders, sinceMs }: Dispute): Witness[] =>
    [...senders.values()]
      .filter(({ peerId, connectedAtMs }) => connectedAtMs <= sinceMs && peers.get(peerId)?.isReady !== true)
      .map((session) => witness(session, "holds"));
  const ask = async (dispute: Dispute): Promise<readonly Witness[]> => {
    const { header } = dispute.refused;
    const asked = peers.executing().map(async (session) => {
      const noAnswer = sleep(clock, DISPUTE_ANSWER_MS).then(() => undefined);
      const held = await Promise.race([holds(session, header.hash), noAnswer]);
      return witness(session, standOf(header, held, session.status?.head));
    });
    return [...(await Promise.all(asked)), ...gone(dispute)];
  };

  const blame = (session: Session, { header, message }: RefusedBlock): void =>
    peers.penalise(session, "INVALID_BLOCK", { hash: header.hash, message });
  /** Nobody is blamed by a node that is wrong itself: not any more, either. */
  const pardon = (): void => {
    for (const peerId of [...disputes.values()].flatMap(({ senders }) => [...senders.keys()])) {
      if (standings.banOf(peerId)?.reason === "INVALID_BLOCK") standings.lift(peerId);
    }
  };
  const settle = (dispute: Dispute, isDiverged: boolean, witnesses: readonly Witness[]): void => {
    const { refused, waiting } = dispute;
    const accused = [...waiting];
    waiting.clear();
    metrics.disputes.add({ verdict: isDiverged ? "diverged" : "refused" });
    if (isDiverged) {
      pardon();
      alarm.raise(refused, witnesses);
      return;
    }
    if (self.certifies) alarm.keepRefused(refused, witnesses);
    for (const session of accused) blame(session, refused);
  };
  const run = async (dispute: Dispute): Promise<void> => {
    for (let polls = 1; !stopped; polls++) {
      const witnesses = await ask(dispute);
      if (stopped || alarm.isLatched) return;
      const verdict = verdictOn(witnesses);
      if (verdict !== "open" || polls >= DISPUTE_POLLS_MAX) return settle(dispute, verdict === "diverged", witnesses);
      await sleep(clock, DISPUTE_POLL_MS);
    }
  };
  const begin = (dispute: Dispute): void => {
    const witnesses = [...peers.executing().map((session) => witness(session, "silent")), ...gone(dispute)];
    // With too few others there is nobody to ask.
    if (verdictOn(witnesses) === "refused") settle(dispute, false, witnesses);
    else void run(dispute);
  };
  const disputeOf = ({ hash }: Tip): Dispute | undefined => {
    const held = disputes.get(hash);
    const refused = engine.refused(hash);
    if (held !== undefined || refused === undefined) return held;
    const dispute: Dispute = { refused, sinceMs: clock.now(), senders: new Map(), waiting: new Set() };
    disputes.set(hash, dispute);
    dropOldest(disputes, DISPUTES_MAX);
    return dispute;
  };

  return {
    take(session, block) {
      if (alarm.isLatched || alarm.reaffirm(block)) return true;
      const dispute = disputeOf(block);
      if (dispute === undefined) return false;
      const isUnderWay = dispute.waiting.size > 0;
      dispute.waiting.add(session);
      dispute.senders.set(session.peerId, session);
      dropOldest(dispute.senders, PEERS_MAX);
      if (!isUnderWay) begin(dispute);
      return true;
    },
    isHeldBack: (session) => alarm.isLatched || [...disputes.values()].some(({ waiting }) => waiting.has(session)),
    stop() {
      stopped = true;
    },
  };
}
