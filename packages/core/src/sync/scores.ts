/**
 * What a peer's fault costs it. Pure: a standing, a fault and the time give the next standing; the driver keeps the
 * standings and acts on them.
 *
 * A fault counts only when no honest peer commits it, whatever its link, clock or disk do and whatever it was sent
 * itself. What an honest peer may commit costs nothing, or too little to ban anyone by itself.
 */

export interface FaultRule {
  /** Points that the score loses. */
  readonly points: number;
  readonly disconnect: boolean;
  /** The fault alone takes no score below this. */
  readonly floor: number;
}

/** A peer whose score falls this low is banned. A peer without faults has 0; four malformed messages within minutes do. */
export const SCORE_BAN = -90;
/** After this time half of the lost points have come back, in ms. */
export const SCORE_HALF_LIFE_MS = 600_000;
/** Time-outs alone take no score below this: a bad link is not misbehaviour. */
export const TIMEOUT_SCORE_MIN = -50;
/** The first ban; each further one lasts twice as long as the one before, up to the longest. */
export const BAN_MS_MIN = 3_600_000;
export const BAN_MS_MAX = 86_400_000;
/** A peer that has not been banned for so long begins with the shortest ban again, in ms. */
export const BAN_MEMORY_MS = 604_800_000;

const rule = (points: number, disconnect: boolean, floor = Number.NEGATIVE_INFINITY): FaultRule => ({
  points,
  disconnect,
  floor,
});
const BAN_AT_ONCE = -SCORE_BAN;

/** A bad reply condemns the reply and who gave it, never the block or record it was about. */
export const FAULTS = {
  /**
   * Undecodable, oversized, unsolicited. Links are authenticated and whole frames arrive or none, so what is malformed
   * was sent so; but a peer of another release may send what this one cannot read, hence no ban at once.
   */
  BAD_MESSAGE: rule(25, true),
  /** Decodable, but not what was asked for. No ban at once for the same reason. */
  WRONG_REPLY: rule(25, true),
  /** Content that does not have the hash that came with it or was asked for: nobody can have stored it like that. */
  FORGED_CONTENT: rule(BAN_AT_ONCE, true),
  /**
   * State that its proof does not show, or not of the header it was asked for. A node serves state whose root it has
   * compared with the header's, from rows with checksums: it can send no such thing by mistake.
   */
  FORGED_PROOF: rule(BAN_AT_ONCE, true),
  /**
   * A block whose header, seal or execution breaks a rule. Nodes pass on and serve as canonical only what they have
   * executed themselves, so nobody relays one in good faith. Future-dated blocks are no fault: clocks differ.
   */
  INVALID_BLOCK: rule(BAN_AT_ONCE, true),
  /** A record not signed by the owner as this node knows him; two chains may know different ones. */
  REFUSED_RECORD: rule(0, false),
  /** No answer in time: the peer, its disk or the link may be slow. */
  TIMEOUT: rule(5, false, TIMEOUT_SCORE_MIN),
  /** Nothing, where the peer's own Status says there is something: it may have reorganised meanwhile. */
  EMPTY_REPLY: rule(0, false),
} as const satisfies Record<string, FaultRule>;

export type Fault = keyof typeof FAULTS;

/** Whether one such fault is enough for a ban. */
export const bansAtOnce = (fault: Fault): boolean => FAULTS[fault].points >= BAN_AT_ONCE;

export interface Ban {
  readonly reason: Fault;
  /** In ms since 1970. */
  readonly sinceMs: number;
  readonly untilMs: number;
  /** This ban and those before it that are still remembered. */
  readonly times: number;
}

/** What is held against a peer. */
export interface Standing {
  /** 0 or less, as it was at `scoredMs`. */
  readonly score: number;
  readonly scoredMs: number;
  /** The last ban, which may have ended. */
  readonly ban: Ban | undefined;
}

export const GOOD_STANDING: Standing = { score: 0, scoredMs: 0, ban: undefined };

/** The score with the points that time has given back. A clock set back gives nothing back. */
export function scoreAt({ score, scoredMs }: Standing, nowMs: number): number {
  return score * 2 ** (-Math.max(0, nowMs - scoredMs) / SCORE_HALF_LIFE_MS);
}

export const isBanned = ({ ban }: Standing, nowMs: number): boolean => ban !== undefined && nowMs < ban.untilMs;

/** Whether a ban still lengthens the next one. */
export const isRemembered = (ban: Ban, nowMs: number): boolean => nowMs < ban.untilMs + BAN_MEMORY_MS;

function nextBan(previous: Ban | undefined, reason: Fault, nowMs: number): Ban {
  const times = previous !== undefined && isRemembered(previous, nowMs) ? previous.times + 1 : 1;
  const lastsMs = Math.min(BAN_MS_MAX, BAN_MS_MIN * 2 ** Math.min(times - 1, 30));
  return { reason, sinceMs: nowMs, untilMs: nowMs + lastsMs, times };
}

/** The standing after a fault. A ban settles the score: after it the peer starts from 0, and with a longer ban ahead. */
export function judge(standing: Standing, fault: Fault, nowMs: number): Standing {
  if (isBanned(standing, nowMs)) return standing;
  const { points, floor }: FaultRule = FAULTS[fault];
  const before = scoreAt(standing, nowMs);
  const score = Math.max(before - points, Math.min(before, floor));
  if (score > SCORE_BAN) return { ...standing, score, scoredMs: nowMs };
  return { score: 0, scoredMs: nowMs, ban: nextBan(standing.ban, fault, nowMs) };
}
