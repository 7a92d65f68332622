/** `counterpart db prune`. */

import { defineCommand, flag, type OptionSpec } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { invalidConfig } from "../invalid-config.ts";
import { DATA_DIR_EXITS, dataDirOf, dataDirOptions } from "../local-options.ts";
import { printAnswer } from "../render/answer.ts";
import { createWorkOutput } from "../render/progress.ts";
import { size } from "../render/units.ts";

/** As `start` takes it. */
function parseHistory(given: string): number | "archive" {
  if (given === "archive") return given;
  if (/^[1-9]\d{0,8}$/.test(given)) return Number(given);
  const words = "--history must be a number of blocks from 1 to 999999999, or archive";
  throw invalidConfig(`${words}, not ${JSON.stringify(given)}`);
}

const HISTORY: OptionSpec<number | "archive"> = {
  flags: "--history <blocks>",
  description: "blocks before the head whose state is kept; archive for all that there are",
  parse: parseHistory,
  defaultNote: "archive",
};

export const dbPrune = defineCommand({
  args: {},
  options: {
    ...dataDirOptions(),
    history: HISTORY,
    json: flag("--json", "as one JSON document, for programs"),
  },
  details: [
    "Blocks, receipts and the head's state stay. Start the node with the same --history afterwards, or it makes the states again. The database is copied without its free pages, for which the disk needs room, and the copy takes its place in one step.",
  ],
  examples: ["counterpart db prune", "counterpart db prune --history 1000 --data-dir data/p2p-5001"],
  exits: [
    [EXIT.ok, "done"],
    ...DATA_DIR_EXITS,
    [EXIT.interrupted, "stopped by Ctrl-C; the database is whole, and of the copy nothing is left"],
    [EXIT.terminated, "stopped by SIGTERM; the same"],
  ],
  async run({ options }, context) {
    const { prune } = await import("../db-prune.ts");
    const { json } = options;
    const dataDir = await dataDirOf(options, context);
    const output = createWorkOutput(context, json);
    const { history = "archive" } = options;
    const asked = { dataDir, ...(history !== "archive" && { history }) };
    const pruned = await prune(asked, output).finally(output.done);
    const { path, bytes, bytes_before: before, history_start: start } = pruned;
    const words = `${path}: ${size(before)} before, ${size(bytes)} now; states from block ${start}\n`;
    printAnswer(context, json, pruned, () => words);
    return EXIT.ok;
  },
});
