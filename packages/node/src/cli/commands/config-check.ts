/** `counterpart config check`. */

import { type ClientFlags, tokenProblems } from "../client/settings.ts";
import { CLIENT_OPTIONS } from "../client/target.ts";
import { defineCommand } from "../command.ts";
import { CONFIG_FLAGS, inspectOptions } from "../config-flags.ts";
import { problemsOf } from "../config-problems.ts";
import { EXIT } from "../exit-code.ts";
import { printAnswer } from "../render/answer.ts";
import { printable } from "../render/table.ts";

export const configCheck = defineCommand({
  args: {},
  options: { ...CLIENT_OPTIONS, ...CONFIG_FLAGS },
  details: [
    "Takes the flags of start and of the commands that ask a node. Every problem is told, not only the first, those of the files that settings name among them. No name is looked up, no port opened, nothing changed: counterpart doctor looks at ports, disk and the running node.",
  ],
  examples: [
    "counterpart config check --config /etc/counterpart.json",
    "counterpart config check --json | jq '.problems'",
  ],
  exits: [
    [EXIT.ok, "a node would take these settings"],
    [EXIT.usage, "a setting is wrong"],
  ],
  async run({ options }, context) {
    const inspection = inspectOptions(options, context);
    const files = [...(await problemsOf(inspection)), ...tokenProblems(options as ClientFlags, context)];
    const all = [...inspection.problems, ...files];
    const answer = { ok: all.length === 0, problems: all.map(({ code, message }) => ({ code, message })) };
    const words = all.map(({ code, message }) => `${printable(message)} (${code})\n`).join("");
    printAnswer(context, options.json, answer, () => words || "ok\n");
    return all.length === 0 ? EXIT.ok : EXIT.usage;
  },
});
