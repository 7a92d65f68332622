/** Follows a node's events over broken connections and restarts, from the last one that came. */

import { StringDecoder } from "node:string_decoder";
import { CodedError, isCodedError, reasonOf } from "@counterpart/core/base/errors";
import type { ApiClient } from "./api-client.ts";
import { createEventStreamParser, type StreamEvent } from "./event-stream.ts";
import { NodeRefusal } from "./refusal.ts";

/** A node says something at least every 15 s; one that is silent for longer than this is gone. */
export const SILENCE_MS = 45_000;
const PAUSE_FIRST_MS = 500;
const PAUSE_MAX_MS = 15_000;

export interface FollowOptions {
  readonly client: ApiClient;
  /** Only these; all when absent. */
  readonly types?: readonly string[] | undefined;
  /** Ends it, without an error. */
  readonly signal: AbortSignal;
  /** Where an earlier reader ended. */
  readonly lastId?: string | undefined;
  /** Returns whether to go on. */
  onEvent(event: StreamEvent): boolean;
  /** The stream is open, for the first time or again. */
  onOpen(): void;
  /** The stream is gone, and will be tried again after so many milliseconds. */
  onGone(reason: string, pauseMs: number): void;
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

/** What asking again may mend. */
function isPassing(error: unknown): boolean {
  if (error instanceof NodeRefusal) return error.status >= 500 || error.status === 429;
  return isCodedError(error);
}

/** Reads one stream to its end. Returns false when its reader has had enough. */
async function readOne(options: FollowOptions, lastId: { value: string }): Promise<boolean> {
  const { client, types, signal } = options;
  const path = types === undefined ? "events" : `events?types=${types.join(",")}`;
  const headers = {
    accept: "text/event-stream",
    ...(lastId.value !== "" && { "last-event-id": lastId.value }),
  };
  const stream = await client.stream(path, headers, signal);
  options.onOpen();
  const parser = createEventStreamParser(lastId.value);
  const decoder = new StringDecoder("utf8");
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      for (const event of parser.push(decoder.write(chunk))) {
        if (!options.onEvent(event)) return false;
      }
      lastId.value = parser.lastId;
    }
  } finally {
    stream.destroy();
  }
  return true;
}

/**
 * Resolves when the signal ends it, or its reader has had enough.
 * @throws what the client throws, when the first connection fails or the node refuses for good
 */
export async function followEvents(options: FollowOptions): Promise<void> {
  const { signal, wait } = options;
  const lastId = { value: options.lastId ?? "" };
  let pauseMs = PAUSE_FIRST_MS;
  let hasOpened = false;
  const onOpen = (): void => {
    hasOpened = true;
    pauseMs = PAUSE_FIRST_MS;
    options.onOpen();
  };
  while (!signal.aborted) {
    let reason = "the node ended the stream";
    try {
      if (!(await readOne({ ...options, onOpen }, lastId))) return;
    } catch (error) {
      if (signal.aborted) return;
      const known = error instanceof NodeRefusal || isCodedError(error) ? error : brokenStream(error);
      if (!hasOpened || !isPassing(known)) throw known;
      reason = known.message;
    }
    if (signal.aborted) return;
    options.onGone(reason, pauseMs);
    await wait(pauseMs, signal).catch(() => {});
    pauseMs = Math.min(PAUSE_MAX_MS, pauseMs * 2);
  }
}

const brokenStream = (error: unknown): CodedError =>
  new CodedError("CONNECTION_FAILED", `the stream of events broke: ${reasonOf(error)}`);
