/** `counterpart accounts new`. */

import { CLIENT_EXITS, CLIENT_OPTIONS, clientOf } from "../client/target.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { printAnswer } from "../render/answer.ts";

export const accountsNew = defineCommand({
  args: {},
  options: CLIENT_OPTIONS,
  details: ["The key is made by the node and kept in its data directory; it never leaves it. The address is printed."],
  examples: ["counterpart accounts new", "WALLET=$(counterpart accounts new)"],
  exits: CLIENT_EXITS,
  async run({ options }, context) {
    const { body } = await clientOf(options, context).send<{ address: string }>("POST", "wallets", {});
    printAnswer(context, options.json, body, () => `${body.address}\n`);
    return EXIT.ok;
  },
});
