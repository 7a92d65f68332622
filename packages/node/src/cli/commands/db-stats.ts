/** `counterpart db stats`. */

import { defineCommand, flag } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { DATA_DIR_EXITS, dataDirOf, dataDirOptions } from "../local-options.ts";
import { printAnswer } from "../render/answer.ts";

export const dbStats = defineCommand({
  args: {},
  options: { ...dataDirOptions(), json: flag("--json", "as one JSON document, for programs") },
  details: [
    "Room that can be used again is given back to the disk by counterpart db prune. Bytes are of whole pages of the database, which have room in them.",
  ],
  examples: [
    "counterpart db stats",
    "counterpart db stats --json | jq '.tables[] | select(.name == \"accounts\").rows'",
  ],
  exits: [[EXIT.ok, "shown"], ...DATA_DIR_EXITS],
  async run({ options }, context) {
    const { readStats, renderStats, statsJson } = await import("../db-stats.ts");
    const stats = await readStats(await dataDirOf(options, context));
    printAnswer(context, options.json, statsJson(stats), (style) => renderStats(stats, style));
    return EXIT.ok;
  },
});
