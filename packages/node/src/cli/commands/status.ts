/** `counterpart status`. */

import { setTimeout } from "node:timers/promises";
import { CLIENT_EXITS, CLIENT_OPTIONS, clientOf } from "../client/target.ts";
import { defineCommand, flag } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { status } from "../status.ts";

export const statusCommand = defineCommand({
  args: {},
  options: {
    ...CLIENT_OPTIONS,
    watch: flag("--watch", "again every second, until Ctrl-C"),
    json: flag("--json", "as JSON, a line each time"),
  },
  examples: [
    "counterpart status",
    "counterpart status --watch --url http://127.0.0.1:8081",
    "counterpart status --json | jq .sync.lag_blocks",
  ],
  exits: [...CLIENT_EXITS, [EXIT.unread, "nobody reads the output any more"]],
  async run({ options }, context) {
    const { watch = false, json = false } = options;
    const { print, isTerminal } = context;
    await status({ client: clientOf(options, context), watch, json }, { print, wait: setTimeout, isTerminal });
    return EXIT.ok;
  },
});
