/** What sends a transaction: how long to wait, sending once, and what is said of the outcome. */

import { randomUUID } from "node:crypto";
import { CodedError, isCodedError } from "@counterpart/core/base/errors";
import { type ExitNote, integer, text } from "../command.ts";
import type { CommandContext } from "../context.ts";
import { EXIT } from "../exit-code.ts";
import type { Answer, ApiClient } from "./api-client.ts";
import { CLIENT_EXITS } from "./target.ts";

const WAIT_S = 30;
const WAIT_S_MAX = 86_400;
/** What the API waits at most in one request. */
const REQUEST_WAIT_MS_MAX = 120_000;
const POLL_MS = 1_000;
/** Time for an answer beyond what the node was told to wait. */
const ANSWER_MS = 30_000;
/** A request that was lost is sent again under the same key so often. */
const ATTEMPTS_MAX = 3;

export const SENDING_OPTIONS = {
  from: text("--from <address>", "account that sends, whose key the node holds"),
  wait: integer("--wait <seconds>", "how long to wait for a block; 0: only send", 0, WAIT_S_MAX, { default: WAIT_S }),
  idempotencyKey: text("--idempotency-key <key>", "acts once, however often it is sent with this key within 24 hours", {
    defaultNote: "a new one",
  }),
};

export const SENDING_EXITS: readonly ExitNote[] = [
  ...CLIENT_EXITS,
  [EXIT.pending, "sent, but not in a block within --wait"],
  [EXIT.reverted, "in a block, but it reverted"],
];

/** `GET transactions/{hash}`, as far as it is looked at. */
export interface TransactionAnswer {
  readonly hash: string;
  readonly status: "pending" | "included" | "conflicted";
  readonly reason: string | null;
  readonly execution: "success" | "reverted" | null;
  readonly contract_address: string | null;
}

const WORDS = /^[\x20-\x7e]{1,255}$/;

/** Whether a request may have reached the node although there was no answer. */
const wasLost = (error: unknown): boolean =>
  isCodedError(error, "CONNECTION_FAILED") || isCodedError(error, "CONNECTION_TIMEOUT");

/**
 * Sends a request that acts once: it has a key, so that it can be sent again when the answer was lost.
 * @throws those of the client; when every answer was lost, the error names the key
 */
export async function sendOnce<T>(
  client: ApiClient,
  path: string,
  body: object,
  options: { readonly idempotencyKey?: string | undefined; readonly waitMs: number },
): Promise<Answer<T>> {
  const key = options.idempotencyKey ?? randomUUID();
  if (!WORDS.test(key))
    throw new CodedError("INVALID_CONFIG", "--idempotency-key must be 1 to 255 printable ASCII characters");
  const send = { headers: { "idempotency-key": key }, silenceMs: options.waitMs + ANSWER_MS };
  for (let attempt = 1; ; attempt++) {
    try {
      return await client.send<T>("POST", path, body, send);
    } catch (error) {
      if (!wasLost(error) || !isCodedError(error)) throw error;
      if (attempt < ATTEMPTS_MAX) continue;
      const advice = `it may have been sent; the same command with --idempotency-key ${key} tells, and sends it once`;
      throw new CodedError(error.code, `${error.message}; ${advice}`);
    }
  }
}

export const requestWaitMs = (waitSeconds: number): number => Math.min(waitSeconds * 1_000, REQUEST_WAIT_MS_MAX);

/** Asks for a transaction until it is decided or the time is over, and says so meanwhile. */
export async function awaitTransaction(
  client: ApiClient,
  hash: string,
  deadlineMs: number,
  { now, wait }: Pick<CommandContext, "now" | "wait">,
): Promise<TransactionAnswer> {
  for (;;) {
    const found = await client.get<TransactionAnswer>(`transactions/${hash}`);
    const leftMs = deadlineMs - now();
    if (found.status !== "pending" || leftMs <= 0) return found;
    await wait(Math.min(POLL_MS, leftMs));
  }
}

/** The exit code of a transaction that was sent; who did not want to wait has what was asked for. */
export function exitOfPending(waitSeconds: number): number {
  return waitSeconds === 0 ? EXIT.ok : EXIT.pending;
}
