/** `counterpart db reset`. */

import { defineCommand, flag } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { DATA_DIR_EXITS, dataDirOf, dataDirOptions } from "../local-options.ts";

export const dbReset = defineCommand({
  args: {},
  options: { ...dataDirOptions(), json: flag("--json", "as one JSON document, for programs") },
  details: [
    "Removes the database and keeps the keys, so that the node begins anew. Refused where the chain is as other nodes have it.",
  ],
  examples: ["counterpart db reset --data-dir data/p2p-5001"],
  exits: [[EXIT.ok, "the chain is gone"], ...DATA_DIR_EXITS],
  async run({ options }, context) {
    const { reset } = await import("../db.ts");
    const dataDir = await dataDirOf(options, context);
    await reset({ dataDir, json: options.json ?? false }, context);
    return EXIT.ok;
  },
});
