/** `counterpart db restore`. */

import { defineCommand, flag, text } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { DATA_DIR_EXITS, dataDirOptions, GENESIS_OPTION, placesOf, WHOLE_OR_NOTHING_EXITS } from "../local-options.ts";
import { createWorkOutput } from "../render/progress.ts";

export const dbRestore = defineCommand({
  args: {},
  options: {
    from: text("--from <path>", "folder that backup made", { isRequired: true }),
    ...dataDirOptions("folder to make"),
    genesis: GENESIS_OPTION,
    json: flag("--json", "as one JSON document"),
  },
  details: [
    "The backup is checked as by db verify first; one with faults is not restored, and leaves nothing behind. The new folder gets the genesis file that it was checked against: the one that --genesis names, or else the backup's.",
  ],
  examples: ["counterpart db restore --from backup-monday --data-dir data/p2p-5000"],
  exits: [[EXIT.ok, "restored, and on the disk"], ...DATA_DIR_EXITS, ...WHOLE_OR_NOTHING_EXITS],
  async run({ options }, context) {
    const { restore } = await import("../db.ts");
    const { from, json = false } = options;
    const places = await placesOf(options, context);
    const output = createWorkOutput(context, json);
    const asked = { from: from as string, json, ...places };
    await restore(asked, output).finally(output.done);
    return EXIT.ok;
  },
});
