/** `counterpart status`: where a running node stands, by its API. */

import { isCodedError } from "@counterpart/core/base/errors";
import type { ApiClient } from "./client/api-client.ts";
import { NodeRefusal } from "./client/refusal.ts";
import { printable } from "./render/table.ts";
import { duration, size } from "./render/units.ts";

export interface StatusOptions {
  readonly client: ApiClient;
  /** Again every second, until it is told to stop. */
  readonly watch?: boolean;
  /** A line of JSON each time. */
  readonly json?: boolean;
}

export interface StatusOutput {
  print(text: string): void;
  /** Resolves after so long; rejects when there is no point in going on. */
  wait(ms: number): Promise<void>;
  /** Whether what is printed can be written over. */
  readonly isTerminal: boolean;
}

const EVERY_MS = 1_000;
const CLEAR = "\x1b[H\x1b[2J";

interface Head {
  readonly hash: string;
  readonly number: number;
}

/** What `GET network/sync` answers, as far as it is shown. */
interface Sync {
  readonly state: string;
  readonly head: Head;
  readonly head_age_ms: number;
  readonly lag_blocks: number;
  readonly unnamed_contracts: number;
  readonly stage: string | null;
  readonly progress: {
    readonly from_block: number;
    readonly to_block: number;
    readonly blocks_per_second: number;
    readonly remaining_ms: number | null;
  } | null;
  readonly state_progress: {
    readonly to_block: number;
    readonly pages: number;
    readonly bytes: number;
    readonly wasted_bytes: number;
    readonly filled: number | null;
    readonly remaining_bytes: number | null;
    readonly remaining_ms: number | null;
  } | null;
  readonly divergence: {
    readonly block: Head;
    readonly sealed_here: boolean;
    readonly evidence: string | null;
  } | null;
}

/** What `GET network/peers` answers of one peer, as far as it is shown. */
interface Peer {
  readonly address: string;
  readonly state: string;
  readonly head: Head | null;
  readonly last_error: string | null;
  readonly last_sync: { readonly duration_ms: number; readonly blocks: number; readonly contracts: number } | null;
}

export interface NodeStatus {
  readonly sync: Sync;
  readonly peers: readonly Peer[];
}

async function readStatus(client: ApiClient): Promise<NodeStatus> {
  const [sync, { peers }] = await Promise.all([
    client.get<Sync>("network/sync"),
    client.get<Pick<NodeStatus, "peers">>("network/peers"),
  ]);
  return { sync, peers };
}

function stateProgressOf(state: NonNullable<Sync["state_progress"]>): string {
  const { to_block: to, pages, bytes, wasted_bytes: wasted, filled, remaining_bytes: rest, remaining_ms: left } = state;
  const part = filled === null ? "" : `, ${Math.floor(filled * 100)} %`;
  const eta = left === null || rest === null ? "" : `, ${size(rest)} and ${duration(left)} left`;
  const lost = wasted === 0 ? "" : ` (and ${size(wasted)} of no use)`;
  return `fetching  state of block ${to}${part}: ${pages} pages, ${size(bytes)}${lost}${eta}`;
}

function progressOf({ stage, progress, state_progress: state }: Sync): string | undefined {
  if (state !== null) return stateProgressOf(state);
  if (progress === null) return stage === null ? undefined : `fetching  ${stage}`;
  const { to_block: to, blocks_per_second: rate, remaining_ms: left } = progress;
  const eta = left === null ? "" : `, ${duration(left)} left`;
  return `fetching  blocks up to ${to}, ${rate} a second${eta}`;
}

function divergenceOf({ divergence }: Sync): string | undefined {
  if (divergence === null) return undefined;
  const { block, sealed_here: isOwn, evidence } = divergence;
  const what = isOwn
    ? `most peers refuse block ${block.number}, which this node has sealed`
    : `execution here contradicts block ${block.number}, which most peers hold`;
  return `DIVERGED  ${what}${evidence === null ? "" : `; evidence: ${evidence}`}`;
}

function lineOf({ address, state, head, last_error: error, last_sync: last }: Peer): string {
  const at = head === null ? "" : `  block ${head.number}`;
  const took =
    last === null
      ? ""
      : `  last sync ${duration(last.duration_ms)}: ${last.blocks} blocks, ${last.contracts} contracts`;
  const failure = error === null ? "" : `  ${printable(error)}`;
  return `  ${printable(address)}  ${printable(state)}${at}${took}${failure}`;
}

function unnamedOf({ unnamed_contracts: count }: Sync): string | undefined {
  return count > 0 ? `unnamed   ${count} contracts, of which no peer has said yet where they come from` : undefined;
}

export function renderStatus({ sync, peers }: NodeStatus): string {
  const behind = sync.lag_blocks > 0 ? `, ${sync.lag_blocks} blocks behind` : "";
  const lines = [
    divergenceOf(sync),
    `state     ${sync.state}${behind}`,
    `head      block ${sync.head.number}, ${duration(sync.head_age_ms)} old  ${sync.head.hash}`,
    progressOf(sync),
    unnamedOf(sync),
    `peers     ${peers.length}`,
    ...peers.map(lineOf),
  ];
  return `${lines.filter((line) => line !== undefined).join("\n")}\n`;
}

/** What is shown of a look that failed, while it is tried again. */
function failureOf(error: unknown, json: boolean): string {
  if (!isCodedError(error) && !(error instanceof NodeRefusal)) throw error;
  return json ? `${JSON.stringify({ error: error.code })}\n` : `${printable(error.message)}\n`;
}

/** @throws those of the client; when watching, only if the first look fails */
export async function status(
  { client, watch = false, json = false }: StatusOptions,
  output: StatusOutput,
): Promise<void> {
  const show = async (): Promise<void> => {
    const now = await readStatus(client);
    const text = json ? `${JSON.stringify(now)}\n` : renderStatus(now);
    output.print(watch && !json && output.isTerminal ? `${CLEAR}${text}` : text);
  };
  await show();
  while (watch) {
    await output.wait(EVERY_MS);
    try {
      await show();
    } catch (error) {
      output.print(failureOf(error, json));
    }
  }
}
