/** `counterpart db backup`. */

import { defineCommand, flag, text } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { DATA_DIR_EXITS, dataDirOf, dataDirOptions, WHOLE_OR_NOTHING_EXITS } from "../local-options.ts";
import { createWorkOutput } from "../render/progress.ts";

export const dbBackup = defineCommand({
  args: {},
  options: {
    ...dataDirOptions(),
    to: text("--to <path>", "folder to make", { isRequired: true }),
    keys: flag("--no-keys", "leave the keys out"),
    json: flag("--json", "as one JSON document"),
  },
  details: ["The copy is the database as it was at one moment, without its free pages. It is a data directory itself."],
  examples: ["counterpart db backup --to backup-monday", "counterpart db backup --to blocks-only --no-keys"],
  exits: [[EXIT.ok, "copied, and on the disk"], ...DATA_DIR_EXITS, ...WHOLE_OR_NOTHING_EXITS],
  async run({ options }, context) {
    const { backup } = await import("../db.ts");
    const { to, keys = true, json = false } = options;
    const dataDir = await dataDirOf(options, context);
    const output = createWorkOutput(context, json);
    await backup({ dataDir, to: to as string, keys, json }, output).finally(output.done);
    return EXIT.ok;
  },
});
