/** `counterpart db reset`. */

import { defineCommand, flag } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { DATA_DIR_EXITS, dataDirOption } from "../local-options.ts";

export const dbReset = defineCommand({
  args: {},
  options: { dataDir: dataDirOption(), json: flag("--json", "as one JSON document, for programs") },
  details: [
    "Removes the database and keeps the keys, so that the node begins anew. Refused where the chain is as other nodes have it.",
  ],
  examples: ["counterpart db reset --data-dir data/p2p-5001"],
  exits: [[EXIT.ok, "the chain is gone"], ...DATA_DIR_EXITS],
  async run({ options }, { print }) {
    const { reset } = await import("../db.ts");
    const { dataDir, json = false } = options;
    await reset({ dataDir, json }, { print });
    return EXIT.ok;
  },
});
