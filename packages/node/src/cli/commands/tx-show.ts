/** `counterpart tx show`. */

import { hashWord } from "../client/checked-text.ts";
import { CLIENT_EXITS, CLIENT_OPTIONS, clientOf } from "../client/target.ts";
import { renderTransaction, type WholeTransaction } from "../client/transaction.ts";
import { defineCommand, required } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { printAnswer } from "../render/answer.ts";

export const txShow = defineCommand({
  args: { hash: required("the transaction's hash") },
  options: CLIENT_OPTIONS,
  details: [
    "A node remembers every transaction that it was handed: it is pending, in a block, or lost its nonce to another.",
  ],
  examples: [
    "counterpart tx show 0x5c504ed432cb51138bcf09aa5e8a410dd4a1e204ef84bfed1be16dfba1b22060",
    "counterpart tx show 0x5c504ed432cb51138bcf09aa5e8a410dd4a1e204ef84bfed1be16dfba1b22060 --json | jq -r .status",
  ],
  exits: CLIENT_EXITS,
  async run({ args, options }, context) {
    const client = clientOf(options, context);
    const transaction = await client.get<WholeTransaction>(`transactions/${hashWord(args.hash)}`);
    printAnswer(context, options.json, transaction, (style) => renderTransaction(transaction, style));
    return EXIT.ok;
  },
});
