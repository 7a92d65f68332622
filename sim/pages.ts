/**
 * Watches the pages of accounts that nodes fetch while they fill an empty state: none that was written is asked for
 * again, whatever a node lives through, and none that counts as written is missing.
 */

import { bytesToHex, equalBytes, type Hex } from "@counterpart/core/base/bytes";
import type { Message } from "@counterpart/core/sync/message-types";
import type { AccountRangeMessage } from "@counterpart/core/sync/message-types-state";
import { decodeMessage } from "@counterpart/core/sync/messages";
import { decodeSegments, type Segment } from "../packages/node/src/driver/state-fill.ts";
import { metaKey } from "../packages/node/src/engine/rows.ts";
import type { Archive } from "./archive.ts";
import { Violation } from "./checks.ts";
import type { SimNode } from "./node.ts";

export interface Pages {
  /** A request leaves a node. */
  sent(from: string, frame: Uint8Array): void;
  /** An answer arrives. @param isHonest whether it can be relied on */
  answered(to: string, frame: Uint8Array, isHonest: boolean): void;
  /** A node starts, or starts again. */
  started(node: SimNode): void;
  /** What counts as written is there. */
  check(node: SimNode): void;
}

const PROGRESS = metaKey("adoption");
const ROWS_MAX = 1_000_000;

function decoded(frame: Uint8Array): Message | undefined {
  try {
    return decodeMessage(frame);
  } catch {
    return undefined;
  }
}

const holds = (held: Uint8Array | undefined, value: Uint8Array): boolean =>
  held !== undefined && equalBytes(held, value);
const isWithin = (key: Hex, { next, last }: Segment): boolean => key >= bytesToHex(next) && key <= bytesToHex(last);

/** What is still to be fetched; undefined when nothing is being taken over. */
function segmentsOf({ disk }: SimNode): readonly Segment[] | undefined {
  const progress = disk.reader().get("meta", PROGRESS);
  return progress === undefined ? undefined : decodeSegments(progress);
}

export function createPages(
  nodes: readonly SimNode[],
  archive: Archive,
  count: (what: string) => void,
  onFailure: (error: unknown) => void,
): Pages {
  /** Blocks whose accounts a node was given since it began to fill its state. */
  const given = new Map<SimNode, Set<Hex>>();
  const named = (name: string): SimNode | undefined => nodes.find((node) => node.name === name);

  /** Who lies elsewhere may say how it was at an earlier block, and what it proves is taken. */
  const isTrue = ({ block, accounts }: AccountRangeMessage): boolean => {
    const state = archive.at(block.hash);
    return state !== undefined && accounts.every(({ key, value }) => holds(state.get("accounts", key), value));
  };
  /** All accounts that every block had which was fetched from are there, except for those still to be fetched. */
  const demandFilled = (node: SimNode, segments: readonly Segment[]): void => {
    const [first, ...others] = [...(given.get(node) ?? [])].map((block) => archive.at(block));
    if (first === undefined) return;
    const rows = node.disk.reader();
    for (const { key } of first.range("accounts", { limit: ROWS_MAX })) {
      const name = bytesToHex(key);
      if (segments.some((segment) => isWithin(name, segment)) || rows.get("accounts", key) !== undefined) continue;
      // A later state may have been without it.
      if (others.some((state) => state?.get("accounts", key) === undefined)) continue;
      throw new Violation(`${node.name} counts the account ${name} as written, and it is not there`);
    }
  };
  /** Nothing is left to fetch by pages, and the first node is asked for. */
  const noteWalk = (node: SimNode): void => {
    if (segmentsOf(node)?.length !== 0) return;
    try {
      demandFilled(node, []);
    } catch (error) {
      onFailure(error);
    }
    given.delete(node);
  };

  return {
    sent(from, frame) {
      const node = named(from);
      const request = node === undefined || node.role === "full" ? undefined : decoded(frame);
      if (node !== undefined && request?.type === "GetNodes" && request.account === undefined) noteWalk(node);
      if (node === undefined || request?.type !== "GetContracts" || request.kind !== "range") return;
      count("range asked for");
      const start = bytesToHex(request.start);
      if (segmentsOf(node)?.some((segment) => isWithin(start, segment)) === true) return;
      onFailure(new Violation(`${from} asks again for accounts from ${start}, which it has written`));
    },
    answered(to, frame, isHonest) {
      const node = named(to);
      const segments = node === undefined || node.role === "full" ? undefined : segmentsOf(node);
      const answer = segments === undefined ? undefined : decoded(frame);
      if (node === undefined || answer?.type !== "Contracts" || answer.kind !== "range") return;
      if (!isHonest && !isTrue(answer)) return;
      const blocks = given.get(node) ?? new Set();
      if (blocks.size > 0 && !blocks.has(answer.block.hash)) count("pivot moved while a state was filled");
      given.set(node, blocks.add(answer.block.hash));
    },
    started(node) {
      const segments = segmentsOf(node);
      if (segments === undefined) given.delete(node);
      else count(segments.length > 0 ? "restart while a state was filled" : "restart while differences were fetched");
    },
    check(node) {
      const segments = segmentsOf(node);
      if (segments === undefined) given.delete(node);
      else if (segments.length > 0) demandFilled(node, segments);
    },
  };
}
