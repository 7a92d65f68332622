/** `counterpart blocks latest`. */

import { type BlockAnswer, printBlock } from "../client/block.ts";
import { CLIENT_EXITS, CLIENT_OPTIONS, clientOf } from "../client/target.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";

export const blocksLatest = defineCommand({
  args: {},
  options: CLIENT_OPTIONS,
  examples: ["counterpart blocks latest", "counterpart blocks latest --json | jq .number"],
  exits: CLIENT_EXITS,
  async run({ options }, context) {
    const block = await clientOf(options, context).get<BlockAnswer>("blocks/latest");
    printBlock(block, options.json, context);
    return EXIT.ok;
  },
});
