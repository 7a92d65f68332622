/** `counterpart blocks list`. */

import type { BlockAnswer } from "../client/block.ts";
import { collectPages } from "../client/pages.ts";
import { CLIENT_EXITS, CLIENT_OPTIONS, clientOf } from "../client/target.ts";
import { defineCommand, integer } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { printAnswer } from "../render/answer.ts";
import { renderTable } from "../render/table.ts";
import { moment } from "../render/units.ts";

const PAGE_MAX = 100;
const LIMIT_MAX = 1_000_000;
const BLOCK_MAX = 999_999_999_999_999;

const COLUMNS = [
  { title: "block", isRight: true },
  { title: "time" },
  { title: "transactions", isRight: true },
  { title: "gas", isRight: true },
  { title: "sealer" },
  { title: "hash" },
];

interface BlockPage {
  readonly blocks: readonly BlockAnswer[];
  readonly next_before: number | null;
}

const rowOf = (block: BlockAnswer): string[] => [
  String(block.number),
  moment(block.timestamp),
  String(block.transaction_count),
  String(block.gas_used),
  block.sealer,
  block.hash,
];

export const blocksList = defineCommand({
  args: {},
  options: {
    limit: integer("--limit <count>", "how many at most", 1, LIMIT_MAX, { default: 20 }),
    before: integer("--before <number>", "only blocks below this one", 0, BLOCK_MAX),
    ...CLIENT_OPTIONS,
  },
  details: ["--json gives the blocks whole, with next_before for --before, which is null after the genesis."],
  examples: [
    "counterpart blocks list",
    "counterpart blocks list --before 1000 --limit 500 --json | jq '.blocks[].hash'",
  ],
  exits: CLIENT_EXITS,
  async run({ options }, context) {
    const client = clientOf(options, context);
    const read = async (before: number | undefined, limit: number) => {
      const page = await client.get<BlockPage>("blocks", { before, limit });
      return { items: page.blocks, next: page.next_before ?? undefined };
    };
    const { items, next } = await collectPages(read, options.limit, PAGE_MAX, options.before);
    if (options.json !== true && items.length === 0) context.printError("there are none\n");
    const answer = { blocks: items, next_before: next ?? null };
    printAnswer(context, options.json, answer, (style) => renderTable(COLUMNS, items.map(rowOf), style));
    return EXIT.ok;
  },
});
