/** `counterpart peers unban`. */

import { CLIENT_EXITS, CLIENT_OPTIONS, clientOf } from "../client/target.ts";
import { defineCommand, required } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { printAnswer } from "../render/answer.ts";

export const peersUnban = defineCommand({
  args: { peerId: required("as peers bans shows it") },
  options: CLIENT_OPTIONS,
  examples: ["counterpart peers unban 12D3KooWRBy97UB99e3J6hiPesre1MZeuNQvfan4gBziswrRJsNK"],
  exits: CLIENT_EXITS,
  async run({ args, options }, context) {
    const client = clientOf(options, context);
    const { body } = await client.send<{ lifted: boolean }>(
      "DELETE",
      `network/bans/${encodeURIComponent(args.peerId)}`,
    );
    printAnswer(context, options.json, body, () => (body.lifted ? "it may connect again\n" : "it was not banned\n"));
    return EXIT.ok;
  },
});
