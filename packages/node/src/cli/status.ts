/** `counterpart status`: where a running node stands, by its API. */

import { CodedError } from "@counterpart/core/base/errors";

export interface StatusOptions {
  readonly url: string;
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
const REQUEST_MS = 10_000;
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

/** @throws CodedError `CONNECTION_REFUSED` when nothing answers, `CONNECTION_FAILED` when something else does */
async function get(url: string, path: string): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(new URL(`/api/v1/${path}`, url), { signal: AbortSignal.timeout(REQUEST_MS) });
  } catch {
    throw new CodedError(
      "CONNECTION_REFUSED",
      `nothing answers at ${url}: is the node running, and is that its --url?`,
    );
  }
  const body: unknown = await response.json().catch(() => undefined);
  if (response.ok && body !== undefined) return body;
  throw new CodedError("CONNECTION_FAILED", `what answers at ${url} is no node's API (status ${response.status})`);
}

async function readStatus(url: string): Promise<NodeStatus> {
  const [sync, { peers }] = await Promise.all([
    get(url, "network/sync"),
    get(url, "network/peers") as Promise<NodeStatus>,
  ]);
  return { sync: sync as Sync, peers };
}

/** Such as "12 s" or "3 min". */
function duration(ms: number): string {
  const seconds = ms / 1_000;
  for (const [unit, length] of [
    ["d", 86_400],
    ["h", 3_600],
    ["min", 60],
  ] as const) {
    if (seconds >= 2 * length) return `${Math.round(seconds / length)} ${unit}`;
  }
  return seconds >= 10 ? `${Math.round(seconds)} s` : `${seconds.toFixed(1)} s`;
}

/** Such as "3.2 MiB". */
const size = (bytes: number): string =>
  bytes < 1_048_576 ? `${Math.round(bytes / 1_024)} KiB` : `${(bytes / 1_048_576).toFixed(1)} MiB`;

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
  return `  ${address}  ${state}${at}${took}${error === null ? "" : `  ${error}`}`;
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

/** @throws CodedError `CONNECTION_REFUSED`, `CONNECTION_FAILED`; when watching, only if the first look fails */
export async function status({ url, watch = false, json = false }: StatusOptions, output: StatusOutput): Promise<void> {
  const show = async (): Promise<void> => {
    const now = await readStatus(url);
    const text = json ? `${JSON.stringify(now)}\n` : renderStatus(now);
    output.print(watch && !json && output.isTerminal ? `${CLEAR}${text}` : text);
  };
  await show();
  while (watch) {
    await output.wait(EVERY_MS);
    try {
      await show();
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      output.print(json ? `${JSON.stringify({ error: error.code })}\n` : `${error.message}\n`);
    }
  }
}
