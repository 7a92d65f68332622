/** The opaque tokens of lists: how far a list was read, and as of when. */

import { type Hex, isHex } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";

/** What a node had when a list was begun. */
export interface Moment {
  readonly instanceId: string;
  readonly blockNumber: number;
  readonly blockHash: Hex;
  /** Artifact change sequence. */
  readonly sequence: number;
}

const SINCE = /^(.{1,128})\.(\d{1,15})\.(0x[0-9a-f]{64})\.(\d{1,15})$/;

export function formatSince({ instanceId, blockNumber, blockHash, sequence }: Moment): string {
  return `${instanceId}.${blockNumber}.${blockHash}.${sequence}`;
}

/** @throws CodedError `INVALID_REQUEST` */
export function parseSince(text: string): Moment {
  const match = SINCE.exec(text);
  if (match === null) throw new CodedError("INVALID_REQUEST", "since is not what an earlier list gave");
  return {
    instanceId: match[1] as string,
    blockNumber: Number(match[2]),
    blockHash: match[3] as Hex,
    sequence: Number(match[4]),
  };
}

export interface Cursor {
  /** Last address that was read. */
  readonly after: Hex;
  /** When the first page was made: what changed since then is not in the later ones. */
  readonly begun: Moment;
}

export function formatCursor({ after, begun }: Cursor): string {
  return `${after}.${formatSince(begun)}`;
}

/** @throws CodedError `INVALID_REQUEST` */
export function parseCursor(text: string): Cursor {
  const after = text.slice(0, 42);
  if (!isHex(after, 20) || text[42] !== ".") {
    throw new CodedError("INVALID_REQUEST", "cursor is not what an earlier page gave");
  }
  return { after: after.toLowerCase() as Hex, begun: parseSince(text.slice(43)) };
}
