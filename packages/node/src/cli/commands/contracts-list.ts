/** `counterpart contracts list`. */

import { addressWord } from "../client/checked-text.ts";
import type { ContractAnswer } from "../client/contract.ts";
import { collectPages } from "../client/pages.ts";
import { CLIENT_EXITS, CLIENT_OPTIONS, clientOf } from "../client/target.ts";
import { defineCommand, flag, integer, text } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { printAnswer } from "../render/answer.ts";
import { printable, renderTable } from "../render/table.ts";
import { wholeUnits } from "../render/units.ts";

const PAGE_MAX = 200;
const LIMIT_MAX = 1_000_000;

interface ContractPage {
  readonly contracts: readonly ContractAnswer[];
  readonly cursor: string | null;
  readonly since: string;
}

const COLUMNS = [
  { title: "address" },
  { title: "name" },
  { title: "symbol" },
  { title: "type" },
  { title: "supply", isRight: true },
  { title: "updated", isRight: true },
  { title: "owner" },
];

function supplyOf({ total_supply: supply, decimals }: ContractAnswer): string {
  return supply === null ? "" : (wholeUnits(supply, decimals ?? 0) ?? supply);
}

const rowOf = (contract: ContractAnswer): string[] => [
  contract.address,
  printable(contract.name ?? ""),
  printable(contract.symbol ?? ""),
  printable(contract.contract_type ?? ""),
  supplyOf(contract),
  contract.updated_block === null ? "" : String(contract.updated_block),
  contract.owner ?? "",
];

export const contractsList = defineCommand({
  args: {},
  options: {
    owner: text("--owner <address>", "only those of this owner"),
    type: text("--type <type>", "only those of this type, such as token or custom"),
    name: text("--name <name>", "only those of exactly this name"),
    since: text("--since <token>", "only what changed after the list that gave this token"),
    genesis: flag("--include-genesis", "also the contracts of the genesis"),
    limit: integer("--limit <count>", "how many at most", 1, LIMIT_MAX, { default: 50 }),
    cursor: text("--cursor <token>", "go on where a shorter list ended"),
    ...CLIENT_OPTIONS,
  },
  details: [
    "Supplies are whole tokens, by the contract's decimals. The list is read page after page up to --limit. --json gives the contracts whole, with cursor (null at the end) and since.",
  ],
  examples: [
    "counterpart contracts list",
    "counterpart contracts list --type token --limit 1000 --json | jq -r '.contracts[].address'",
  ],
  exits: CLIENT_EXITS,
  async run({ options }, context) {
    const { type, name, since, genesis, limit } = options;
    const owner = options.owner === undefined ? undefined : addressWord(options.owner);
    const client = clientOf(options, context);
    let firstSince: string | undefined;
    const filters = { owner, type, name, since, include_genesis: genesis };
    const read = async (cursor: string | undefined, count: number) => {
      const page = await client.get<ContractPage>("contracts", { ...filters, cursor, limit: count });
      firstSince ??= page.since;
      return { items: page.contracts, next: page.cursor ?? undefined };
    };
    const { items, next } = await collectPages(read, limit, PAGE_MAX, options.cursor);
    const answer = { contracts: items, cursor: next ?? null, since: firstSince ?? null };
    printAnswer(context, options.json, answer, (style) => renderTable(COLUMNS, items.map(rowOf), style));
    if (options.json === true) return EXIT.ok;
    if (items.length === 0) context.printError("there are none\n");
    if (next !== undefined) context.printError(`there are more: --cursor ${next}, or a greater --limit\n`);
    return EXIT.ok;
  },
});
