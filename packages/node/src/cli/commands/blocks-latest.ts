/** `counterpart blocks latest`. */

import { type BlockAnswer, renderBlock } from "../client/block.ts";
import { CLIENT_EXITS, CLIENT_OPTIONS, clientOf } from "../client/target.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { printAnswer } from "../render/answer.ts";

export const blocksLatest = defineCommand({
  args: {},
  options: CLIENT_OPTIONS,
  examples: ["counterpart blocks latest", "counterpart blocks latest --json | jq .number"],
  exits: CLIENT_EXITS,
  async run({ options }, context) {
    const block = await clientOf(options, context).get<BlockAnswer>("blocks/latest");
    printAnswer(context, options.json, block, (style) => renderBlock(block, style));
    return EXIT.ok;
  },
});
