/** `counterpart contracts execute`. */

import { CodedError } from "@counterpart/core/base/errors";
import { callRequest, FUNCTION_ARGUMENTS, FUNCTION_OPTIONS } from "../client/function-call.ts";
import { type LogAnswer, renderLogs, valueText } from "../client/result.ts";
import {
  awaitTransaction,
  exitOfPending,
  requestWaitMs,
  SENDING_EXITS,
  SENDING_OPTIONS,
  sendOnce,
  type TransactionAnswer,
} from "../client/sending.ts";
import { CLIENT_OPTIONS, clientOf } from "../client/target.ts";
import { defineCommand } from "../command.ts";
import type { CommandContext } from "../context.ts";
import { EXIT } from "../exit-code.ts";
import { type Style, styleOf } from "../render/style.ts";

/** 200 when it is in a block, 202 when it is not yet. */
interface ExecuteAnswer {
  readonly transaction_hash: string;
  readonly status: "success" | "reverted" | "pending";
  readonly block_number?: number;
  readonly block_hash?: string;
  readonly result?: unknown;
  readonly logs?: readonly LogAnswer[];
  readonly reason?: string | null;
}

interface IncludedAnswer extends TransactionAnswer {
  readonly block_number: number | null;
  readonly block_hash: string | null;
  readonly logs: readonly LogAnswer[] | null;
}

/** The answer of a longer request, from what became of the transaction. Results are known to the first answer alone. */
function answerOf(found: IncludedAnswer): ExecuteAnswer {
  const { hash, execution, block_number: number, block_hash: block, logs } = found;
  if (found.status === "conflicted") {
    throw new CodedError("TRANSACTION_CONFLICTED", `another transaction took the nonce of ${hash}; send it anew`);
  }
  const place = { block_number: number ?? 0, block_hash: block ?? "", logs: logs ?? [], result: null };
  return { transaction_hash: hash, status: execution === "reverted" ? "reverted" : "success", ...place };
}

function render(answer: ExecuteAnswer, style: Style): string {
  const { transaction_hash: hash, status, block_number: number, result, logs = [], reason } = answer;
  if (status === "pending") {
    const why = reason === undefined || reason === null ? "" : ` (${reason})`;
    return `${style.yellow("pending")}${why}\ncounterpart tx show ${hash}\n`;
  }
  const word = status === "success" ? style.green("success") : style.red("reverted");
  const returned = result === undefined || result === null ? "" : `result  ${valueText(result)}\n`;
  return `${word}  block ${number}  transaction ${hash}\n${returned}${renderLogs(logs, style)}`;
}

export const contractsExecute = defineCommand({
  args: FUNCTION_ARGUMENTS,
  options: { ...FUNCTION_OPTIONS, ...SENDING_OPTIONS, ...CLIENT_OPTIONS },
  details: [
    "The function is simulated first: one that reverts is refused with the reason, and nothing is sent. The sender is the contract's owner unless --from names another account that the node holds. Numbers are base units at any size: 1000, 0x3e8 and 1e3 are the same. A value that begins with a minus is given as name=-5, or after --.",
  ],
  examples: [
    "counterpart contracts execute 0x2103DbaCc1E104Ec4Fbc4bbD34f77515466d4258 mint to=0x70997970C51812dc3A010C7d01b50e0d17dc79C8 amount=1000",
    "counterpart contracts execute 0x2103DbaCc1E104Ec4Fbc4bbD34f77515466d4258 transfer 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 1e18",
    `counterpart contracts execute 0x2103DbaCc1E104Ec4Fbc4bbD34f77515466d4258 setMany 'ids=[1,2]' --idempotency-key order-17`,
  ],
  exits: SENDING_EXITS,
  async run({ args, options }, context) {
    const { wait, idempotencyKey, from, params, value } = options;
    const client = clientOf(options, context);
    const deadlineMs = context.now() + wait * 1_000;
    const waitMs = requestWaitMs(wait);
    const wanted = { function: args.function, words: args.parameters, params, value, from };
    const { path, body } = await callRequest(client, args.address, wanted);
    const request = { ...body, wait_ms: waitMs };
    const { body: first } = await sendOnce<ExecuteAnswer>(client, `${path}/execute`, request, {
      idempotencyKey,
      waitMs,
    });
    let answer = first;
    if (first.status === "pending" && context.now() < deadlineMs) {
      const found = (await awaitTransaction(client, first.transaction_hash, deadlineMs, context)) as IncludedAnswer;
      answer = found.status === "pending" ? { ...first, reason: found.reason } : answerOf(found);
    }
    show(answer, options.json === true, context);
    if (answer.status === "reverted") return EXIT.reverted;
    return answer.status === "pending" ? exitOfPending(wait) : EXIT.ok;
  },
});

function show(answer: ExecuteAnswer, json: boolean, context: CommandContext): void {
  context.print(json ? `${JSON.stringify(answer)}\n` : render(answer, styleOf(context)));
}
