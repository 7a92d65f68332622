/** `counterpart db verify`. */

import { defineCommand, flag } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { DATA_DIR_EXITS, dataDirOptions, GENESIS_OPTION, placesOf } from "../local-options.ts";
import { createWorkOutput } from "../render/progress.ts";

export const dbVerify = defineCommand({
  args: {},
  options: { ...dataDirOptions(), genesis: GENESIS_OPTION, json: flag("--json", "as one JSON document") },
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
    const { json = false } = options;
    const places = await placesOf(options, context);
    const output = createWorkOutput(context, json);
    await verify({ json, ...places }, output).finally(output.done);
    return EXIT.ok;
  },
});
