/** One lie: what is said, to whom, and what it must cost whoever says it. */

import type { Message } from "@counterpart/core/sync/message-types";
import { encodeMessage } from "@counterpart/core/sync/messages";
import type { Branch } from "./forger.ts";
import type { Life, SimNode } from "./node.ts";

/** What must come of a lie once it has arrived: the link ends, or the peer is banned as well. */
export type Verdict = "cut" | "ban";

export interface Lie {
  readonly name: string;
  /** Absent: silence. */
  readonly frame?: Uint8Array;
  /** Absent: the lie alone costs nothing. */
  readonly verdict?: Verdict;
  /** The link ends right after it was asked for. */
  readonly leave?: boolean;
  /** Asked when the lie arrives: whether the verdict is certain as things are. */
  readonly isCertain?: () => boolean;
}

/** What a lie is made from: the node that it is told to, and what was told to it before. */
export interface Occasion {
  readonly node: SimNode;
  readonly life: Life;
  readonly branch: Branch | undefined;
  /** Requests for blocks since headers were last asked for. */
  readonly asked: number;
  readonly instanceId: string;
}

export const told = (name: string, message: Message, verdict?: Verdict): Lie => ({
  name,
  frame: encodeMessage(message),
  ...(verdict === undefined ? {} : { verdict }),
});
