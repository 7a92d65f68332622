/** `counterpart db verify`. */

import { defineCommand, flag, withoutUndefined } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { DATA_DIR_EXITS, dataDirOption, GENESIS_OPTION } from "../local-options.ts";
import { createWorkOutput } from "../render/progress.ts";

export const dbVerify = defineCommand({
  args: {},
  options: { dataDir: dataDirOption(), genesis: GENESIS_OPTION, json: flag("--json", "as one JSON document") },
  details: [
    "Every row against its checksum, every block against its parent and its roots, the state against the head's root, and what follows from these. Nothing is changed.",
  ],
  examples: ["counterpart db verify", "counterpart db verify --data-dir data/p2p-5001 --json | jq .checks"],
  exits: [
    [EXIT.ok, "everything is as it must be"],
    ...DATA_DIR_EXITS,
    [EXIT.interrupted, "stopped by Ctrl-C"],
    [EXIT.terminated, "stopped by SIGTERM"],
  ],
  async run({ options }, context) {
    const { verify } = await import("../db.ts");
    const { dataDir, json = false } = options;
    const output = createWorkOutput(context, json);
    const asked = { dataDir, json, ...withoutUndefined({ genesis: options.genesis }) };
    await verify(asked, output).finally(output.done);
    return EXIT.ok;
  },
});
