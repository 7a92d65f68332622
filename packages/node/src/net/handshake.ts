/**
 * How two nodes agree on the one link between them. The dialler of a connection opens the announcement stream and says
 * hello; the other side answers with a verdict, and the link is open on both sides with an accepting one. Every
 * decision is the acceptor's and made by the pure table below, so crossed dials end in the same connection on both
 * sides: the one dialled by the smaller peer id.
 *
 *     hello    1 byte version (1), 8 bytes instance
 *     verdict  1 byte answer, 8 bytes instance
 *
 * The instance is when the node was started, in milliseconds since 1970: a peer that comes back with another instance
 * has lost all its links, however alive they look here.
 */

import { viewOf } from "@counterpart/core/base/bytes";

const HELLO_VERSION = 1;
const INSTANCE_BYTES = 8;
const MESSAGE_BYTES = 1 + INSTANCE_BYTES;

const ANSWER_CODES = { accept: 0, duplicate: 1, full: 2, stranger: 3 } as const;
const ANSWERS = Object.keys(ANSWER_CODES) as readonly Answer[];

export type Answer = keyof typeof ANSWER_CODES;

export interface Verdict {
  readonly answer: Answer;
  readonly instance: bigint;
}

export interface Contest {
  /** Whether there may be a link with the peer at all. */
  readonly isAllowed: boolean;
  /** The instance in the hello. */
  readonly instance: bigint;
  /** Whether this node's peer id is the smaller one, so that its dials win. */
  readonly preferred: boolean;
  /** Whether this node is about to open a link to the same peer itself. */
  readonly dialling: boolean;
  /** Whether the peer limit allows another link. */
  readonly hasRoom: boolean;
  /** The link that exists with the peer. */
  readonly link: ContestedLink | undefined;
}

export interface ContestedLink {
  readonly instance: bigint;
  readonly direction: "inbound" | "outbound";
  /** Whether the peer has answered on it since the hello came. */
  readonly verified: boolean;
}

/** What to do about a hello. `probe`: find out whether the existing link is alive, then decide again. */
export function decideHello(contest: Contest): Answer | "probe" {
  const { link, instance } = contest;
  if (!contest.isAllowed) return "stranger";
  if (link === undefined) {
    if (contest.dialling && contest.preferred) return "duplicate";
    return contest.hasRoom ? "accept" : "full";
  }
  // restarted, or dialled again by the one who dialled the link: it would not, if it still had it
  if (link.instance !== instance || link.direction === "inbound") return "accept";
  return link.verified ? "duplicate" : "probe";
}

export function encodeHello(instance: bigint): Uint8Array {
  return encodeMessage(HELLO_VERSION, instance);
}

/** The instance of the peer; undefined when the frame is no hello. */
export function decodeHello(frame: Uint8Array): bigint | undefined {
  return frame.length === MESSAGE_BYTES && frame[0] === HELLO_VERSION ? instanceOf(frame) : undefined;
}

export function encodeVerdict({ answer, instance }: Verdict): Uint8Array {
  return encodeMessage(ANSWER_CODES[answer], instance);
}

/** Undefined when the frame is no verdict. */
export function decodeVerdict(frame: Uint8Array): Verdict | undefined {
  if (frame.length !== MESSAGE_BYTES) return undefined;
  for (const answer of ANSWERS) {
    if (frame[0] === ANSWER_CODES[answer]) return { answer, instance: instanceOf(frame) };
  }
  return undefined;
}

function encodeMessage(first: number, instance: bigint): Uint8Array {
  const message = new Uint8Array(MESSAGE_BYTES);
  message[0] = first;
  viewOf(message).setBigUint64(1, instance);
  return message;
}

const instanceOf = (frame: Uint8Array): bigint => viewOf(frame).getBigUint64(1);
