/** `counterpart config print`. */

import { CLIENT_OPTIONS } from "../client/target.ts";
import { defineCommand } from "../command.ts";
import { CONFIG_FLAGS, inspectOptions } from "../config-flags.ts";
import { renderSettings, settingsJson } from "../config-report.ts";
import { EXIT } from "../exit-code.ts";
import { printAnswer } from "../render/answer.ts";

export const configPrint = defineCommand({
  args: {},
  options: { ...CLIENT_OPTIONS, ...CONFIG_FLAGS },
  details: [
    "Takes the flags of start and of the commands that ask a node, and shows what they would take: a flag wins over the environment, which wins over the file that --config names, which wins over the default. Paths are shown whole; secrets are not shown.",
  ],
  examples: [
    "counterpart config print",
    "COUNTERPART_API_PORT=8081 counterpart config print --config node.json --dev",
    "counterpart config print --json | jq -r .settings.data_dir.value",
  ],
  exits: [
    [EXIT.ok, "shown"],
    [EXIT.usage, "a setting is wrong; what there is is shown all the same"],
  ],
  async run({ options }, context) {
    const inspection = inspectOptions(options, context);
    const { settings, problems } = inspection;
    printAnswer(context, options.json, settingsJson(inspection), (style) => renderSettings(settings, style));
    if (options.json !== true) for (const { message } of problems) context.printError(`counterpart: ${message}\n`);
    return problems.length === 0 ? EXIT.ok : EXIT.usage;
  },
});
