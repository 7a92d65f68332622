/** `counterpart export`: blocks for other clients. */

import { defineCommand, integer, required, withoutUndefined } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { DATA_DIR_EXIT, dataDirOf, dataDirOptions, WHOLE_OR_NOTHING_EXITS } from "../local-options.ts";
import { createWorkOutput } from "../render/progress.ts";

const BLOCK_MAX = 999_999_999_999_999;

export const exportCommand = defineCommand({
  args: { file: required("file to make; compressed where it ends with .gz") },
  options: {
    ...dataDirOptions(),
    from: integer("--from <number>", "first block", 0, BLOCK_MAX, { defaultNote: "1" }),
    to: integer("--to <number>", "last block", 0, BLOCK_MAX, { defaultNote: "the head" }),
  },
  details: [
    "Blocks are written one after the other, as other clients export and import them; a node may use the directory meanwhile.",
  ],
  examples: [
    "counterpart export chain.rlp",
    "counterpart export --data-dir data/p2p-5001 --from 100 --to 200 part.rlp",
  ],
  exits: [
    [EXIT.ok, "written"],
    [EXIT.usage, "wrong flag, or blocks that are not there or not held"],
    DATA_DIR_EXIT,
    ...WHOLE_OR_NOTHING_EXITS,
  ],
  async run({ args, options }, context) {
    const { exportChain } = await import("../export.ts");
    const output = createWorkOutput(context);
    const { from, to } = options;
    const dataDir = await dataDirOf(options, context);
    const asked = { file: args.file, dataDir, ...withoutUndefined({ from, to }) };
    await exportChain(asked, output).finally(output.done);
    return EXIT.ok;
  },
});
