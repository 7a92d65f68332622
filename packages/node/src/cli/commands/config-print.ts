/** `counterpart config print`. */

import { readFileSync } from "node:fs";
import { defineCommand, flag } from "../command.ts";
import { CONFIG_FLAGS, flagsOf } from "../config-flags.ts";
import { renderSettings, settingsJson } from "../config-report.ts";
import { EXIT } from "../exit-code.ts";
import { styleOf } from "../render/style.ts";
import { inspectConfig } from "../resolve-config.ts";

export const configPrint = defineCommand({
  args: {},
  options: { ...CONFIG_FLAGS, json: flag("--json", "as one JSON document, for programs") },
  details: [
    "Takes the flags of start, and shows what start would take: a flag wins over the environment, which wins over the file that --config names, which wins over the default. Paths are shown whole; secrets are not shown.",
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
    const inspection = inspectConfig({
      flags: flagsOf(options as Parameters<typeof flagsOf>[0]),
      environment: context.environment,
      workingDir: context.workingDir,
      readFile: (path) => readFileSync(path, "utf8"),
    });
    if (options.json === true) context.print(`${JSON.stringify(settingsJson(inspection))}\n`);
    else {
      context.print(renderSettings(inspection.settings, styleOf(context)));
      for (const { message } of inspection.problems) context.printError(`counterpart: ${message}\n`);
    }
    return inspection.problems.length === 0 ? EXIT.ok : EXIT.usage;
  },
});
