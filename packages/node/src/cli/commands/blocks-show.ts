/** `counterpart blocks show`. */

import { type BlockAnswer, renderBlock } from "../client/block.ts";
import { blockWord } from "../client/checked-text.ts";
import { CLIENT_EXITS, CLIENT_OPTIONS, clientOf } from "../client/target.ts";
import { defineCommand, required } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { printAnswer } from "../render/answer.ts";

export const blocksShow = defineCommand({
  args: { block: required("number, hash, or latest") },
  options: CLIENT_OPTIONS,
  examples: ["counterpart blocks show 12", "counterpart blocks show latest --json | jq .state_root"],
  exits: CLIENT_EXITS,
  async run({ args, options }, context) {
    const block = await clientOf(options, context).get<BlockAnswer>(`blocks/${blockWord(args.block)}`);
    printAnswer(context, options.json, block, (style) => renderBlock(block, style));
    return EXIT.ok;
  },
});
