/** What waits in the pool: `txpool_*`, as go-ethereum has it. */

import type { Hex } from "@counterpart/core/base/bytes";
import type { AnyTransaction } from "@counterpart/core/chain/types";
import { checksumAddress } from "@counterpart/core/crypto/crypto";
import type { Clock } from "@counterpart/core/ports/runtime";
import { createPatientPacer } from "../../engine/pacer.ts";
import type { ChainEngine, PoolContent } from "../../engine/types.ts";
import { RESPONSE_CHARACTERS_MAX, type RpcMethod } from "./dispatch.ts";
import { responseTooLarge } from "./errors.ts";
import { formatTransaction, quantity } from "./format.ts";
import { defineMethod, readAddress, required } from "./params.ts";

/** Characters of a transaction's own encoding for each of its bytes; the rest of it is shown in more than as many again. */
const CHARACTERS_PER_BYTE = 2;

type Show = (transaction: AnyTransaction) => unknown;

const showWhole: Show = (transaction) => formatTransaction(transaction);

/** In one line. */
const showBrief: Show = ({ to, value, gasLimit, maxFeePerGas }) => {
  const whereto = to === undefined ? "contract creation" : checksumAddress(to);
  return `${whereto}: ${value} wei + ${gasLimit} gas × ${maxFeePerGas} wei`;
};

/** By nonce. */
const byNonce = (transactions: readonly AnyTransaction[], show: Show): Record<string, unknown> =>
  Object.fromEntries(transactions.map((transaction) => [transaction.nonce.toString(), show(transaction)]));

type Shown = Record<string, Record<string, unknown>>;

/**
 * By sender and nonce, what a block could hold now and what has to wait for something.
 * @throws RpcError -32003 when it is more than an answer may be
 */
async function contentOf(engine: ChainEngine, clock: Clock, show: Show): Promise<Record<keyof PoolContent, Shown>> {
  const pause = createPatientPacer(clock);
  const content: Record<keyof PoolContent, Shown> = { pending: {}, queued: {} };
  let characters = 0;
  for (const sender of engine.pool.senders()) {
    const held = engine.pool.contentOf(sender);
    for (const kind of ["pending", "queued"] as const) {
      if (held[kind].length === 0) continue;
      if (show === showWhole) {
        for (const { raw } of held[kind]) characters += raw.length * CHARACTERS_PER_BYTE;
        if (characters > RESPONSE_CHARACTERS_MAX) throw responseTooLarge();
      }
      content[kind][checksumAddress(sender)] = byNonce(held[kind], show);
    }
    await pause();
  }
  return content;
}

async function statusOf(engine: ChainEngine, clock: Clock): Promise<Record<keyof PoolContent, Hex>> {
  const pause = createPatientPacer(clock);
  const counts = { pending: 0, queued: 0 };
  for (const sender of engine.pool.senders()) {
    const { pending, queued } = engine.pool.contentOf(sender);
    counts.pending += pending.length;
    counts.queued += queued.length;
    await pause();
  }
  return { pending: quantity(counts.pending), queued: quantity(counts.queued) };
}

export function txpoolMethods(engine: ChainEngine, clock: Clock): Record<string, RpcMethod> {
  return {
    txpool_content: defineMethod([], () => contentOf(engine, clock, showWhole)),
    txpool_inspect: defineMethod([], () => contentOf(engine, clock, showBrief)),
    txpool_status: defineMethod([], () => statusOf(engine, clock)),
    txpool_contentFrom: defineMethod([required(readAddress)], (sender) => {
      const { pending, queued } = engine.pool.contentOf(sender);
      return { pending: byNonce(pending, showWhole), queued: byNonce(queued, showWhole) };
    }),
  };
}
