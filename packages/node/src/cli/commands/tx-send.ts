/** `counterpart tx send`. */

import { readTextFile } from "../client/artifact-file.ts";
import { awaitTransaction, SENDING_EXITS, SENDING_OPTIONS, sendOnce } from "../client/sending.ts";
import { CLIENT_OPTIONS, clientOf } from "../client/target.ts";
import { exitOfTransaction, renderTransaction, type WholeTransaction } from "../client/transaction.ts";
import { defineCommand, required } from "../command.ts";
import { invalidConfig } from "../invalid-config.ts";
import { printAnswer } from "../render/answer.ts";

/** 0x text itself, or a file of it. @throws CodedError `INVALID_CONFIG` */
function rawOf(given: string, workingDir: string): string {
  const raw = given === "" || given.startsWith("0x") ? given : readTextFile(given, workingDir).trim();
  if (/^0x([0-9a-fA-F]{2})+$/.test(raw)) return raw;
  throw invalidConfig("a signed transaction is 0x and an even number of hexadecimal digits");
}

export const txSend = defineCommand({
  args: { raw: required("the signed transaction (EIP-2718) as 0x text, or the path of a file with it") },
  options: { wait: SENDING_OPTIONS.wait, idempotencyKey: SENDING_OPTIONS.idempotencyKey, ...CLIENT_OPTIONS },
  details: ["Handing the same transaction in again is no error: it says what became of it."],
  examples: [
    'counterpart tx send "$(cast mktx --private-key $KEY --rpc-url http://127.0.0.1:8080 $TO --value 1)"',
    "counterpart tx send signed.txt --wait 0 --json",
  ],
  exits: SENDING_EXITS,
  async run({ args, options }, context) {
    const { wait, idempotencyKey, json } = options;
    const client = clientOf(options, context);
    const deadlineMs = context.now() + wait * 1_000;
    const body = { raw: rawOf(args.raw, context.workingDir) };
    const sent = await sendOnce<WholeTransaction>(client, "transactions", body, { idempotencyKey, waitMs: 0 });
    const isDone = sent.body.status !== "pending" || wait === 0;
    const shown = isDone
      ? sent.body
      : await awaitTransaction<WholeTransaction>(client, sent.body.hash, deadlineMs, context);
    printAnswer(context, json, shown, (style) => renderTransaction(shown, style));
    return exitOfTransaction(shown, wait);
  },
});
