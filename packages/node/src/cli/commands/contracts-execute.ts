/** `counterpart contracts execute`. */

import { callRequest, FUNCTION_ARGUMENTS, FUNCTION_OPTIONS } from "../client/function-call.ts";
import { type LogAnswer, renderLogs, valueText } from "../client/result.ts";
import {
  exitOfSent,
  renderPending,
  SENDING_EXITS,
  SENDING_OPTIONS,
  type SentAnswer,
  sendAndWait,
  type TransactionAnswer,
} from "../client/sending.ts";
import { CLIENT_OPTIONS, clientOf } from "../client/target.ts";
import { defineCommand } from "../command.ts";
import { printAnswer } from "../render/answer.ts";
import type { Style } from "../render/style.ts";

/** 200 when it is in a block, 202 when it is not yet. */
interface ExecuteAnswer extends SentAnswer {
  readonly block_number?: number;
  readonly block_hash?: string;
  readonly result?: unknown;
  readonly logs?: readonly LogAnswer[];
}

/** Results are known to the first answer alone. */
function answerOf({
  hash,
  execution,
  block_number: number,
  block_hash: block,
  logs,
}: TransactionAnswer): ExecuteAnswer {
  const place = { block_number: number ?? 0, block_hash: block ?? "", logs: logs ?? [], result: null };
  return { transaction_hash: hash, status: execution === "reverted" ? "reverted" : "success", ...place };
}

function render(answer: ExecuteAnswer, style: Style): string {
  const { transaction_hash: hash, status, block_number: number, result, logs = [] } = answer;
  if (status === "pending") return renderPending(answer, style);
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
    const { from, params, value, json } = options;
    const client = clientOf(options, context);
    const wanted = { function: args.function, words: args.parameters, params, value, from };
    const { path, body } = await callRequest(client, args.address, wanted);
    const answer = await sendAndWait(client, `${path}/execute`, body, options, context, answerOf);
    printAnswer(context, json, answer, (style) => render(answer, style));
    return exitOfSent(answer, options.wait);
  },
});
