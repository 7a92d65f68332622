/** What sends a transaction: how long to wait, sending once, and what is said of the outcome. */

import { randomUUID } from "node:crypto";
import { CodedError, isCodedError } from "@counterpart/core/base/errors";
import { type ExitNote, integer, text } from "../command.ts";
import type { CommandContext } from "../context.ts";
import { EXIT } from "../exit-code.ts";
import { invalidConfig } from "../invalid-config.ts";
import type { Style } from "../render/style.ts";
import { printable } from "../render/table.ts";
import type { Answer, ApiClient } from "./api-client.ts";
import type { LogAnswer } from "./result.ts";
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

/** `GET transactions/{hash}`, as far as whoever waits looks at it. */
export interface TransactionAnswer {
  readonly hash: string;
  readonly status: "pending" | "included" | "conflicted";
  readonly reason: string | null;
  readonly execution: "success" | "reverted" | null;
  readonly contract_address: string | null;
  readonly block_hash: string | null;
  readonly block_number: number | null;
  readonly logs: readonly LogAnswer[] | null;
}

/** What whoever sends is answered: when the transaction is in a block, or before. */
export interface SentAnswer {
  readonly transaction_hash: string;
  readonly status?: "success" | "reverted" | "pending";
  readonly reason?: string | null;
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
  if (!WORDS.test(key)) throw invalidConfig("--idempotency-key must be 1 to 255 printable ASCII characters");
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

/** Asks for a transaction until it is decided or the time is over. */
export async function awaitTransaction<T extends TransactionAnswer>(
  client: ApiClient,
  hash: string,
  deadlineMs: number,
  { now, wait }: Pick<CommandContext, "now" | "wait">,
): Promise<T> {
  for (;;) {
    const found = await client.get<T>(`transactions/${hash}`);
    const leftMs = deadlineMs - now();
    if (found.status !== "pending" || leftMs <= 0) return found;
    await wait(Math.min(POLL_MS, leftMs));
  }
}

interface Patience {
  /** Seconds. */
  readonly wait: number;
  readonly idempotencyKey?: string | undefined;
}

/**
 * Sends, and goes on waiting where the request has ended.
 * @param settle gives the answer that a longer request would have given, of a transaction that is in a block
 * @throws those of `sendOnce`; CodedError `TRANSACTION_CONFLICTED`
 */
export async function sendAndWait<T extends SentAnswer>(
  client: ApiClient,
  path: string,
  body: object,
  { wait, idempotencyKey }: Patience,
  context: Pick<CommandContext, "now" | "wait">,
  settle: (found: TransactionAnswer) => T | Promise<T>,
): Promise<T> {
  const deadlineMs = context.now() + wait * 1_000;
  const waitMs = Math.min(wait * 1_000, REQUEST_WAIT_MS_MAX);
  const { body: answer } = await sendOnce<T>(client, path, { ...body, wait_ms: waitMs }, { idempotencyKey, waitMs });
  if (answer.status !== "pending" || context.now() >= deadlineMs) return answer;
  const { transaction_hash: hash } = answer;
  const found = await awaitTransaction(client, hash, deadlineMs, context);
  if (found.status === "pending") return { ...answer, reason: found.reason };
  if (found.status === "included") return settle(found);
  throw new CodedError("TRANSACTION_CONFLICTED", `another transaction took the nonce of ${hash}; send it anew`);
}

/** @param where what is known of the place of its result */
export function renderPending({ transaction_hash: hash, reason }: SentAnswer, style: Style, where = ""): string {
  const why = reason === undefined || reason === null ? "" : ` (${printable(reason)})`;
  return `${style.yellow("pending")}${why}${where}\ncounterpart tx show ${hash}\n`;
}

/** Who did not want to wait has what was asked for. */
export function exitOfSent({ status }: SentAnswer, waitSeconds: number): number {
  if (status === "reverted") return EXIT.reverted;
  return status === "pending" && waitSeconds > 0 ? EXIT.pending : EXIT.ok;
}
