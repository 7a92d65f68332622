/** Whether anybody is there to be answered. */

import type { FastifyReply } from "fastify";

/** Aborted when the client has hung up, or has its answer. A request's own signal hears of nothing after its body. */
export function untilGone({ raw }: Pick<FastifyReply, "raw">): AbortSignal {
  const controller = new AbortController();
  raw.once("close", () => controller.abort());
  return controller.signal;
}
