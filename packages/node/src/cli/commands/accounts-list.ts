/** `counterpart accounts list`. */

import { CLIENT_EXITS, CLIENT_OPTIONS, clientOf } from "../client/target.ts";
import { etherText, type ListedWallet } from "../client/wallet.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { printAnswer } from "../render/answer.ts";
import { renderTable } from "../render/table.ts";

const COLUMNS = [
  { title: "address" },
  { title: "ether", isRight: true },
  { title: "next nonce", isRight: true },
  { title: "" },
];

export const accountsList = defineCommand({
  args: {},
  options: CLIENT_OPTIONS,
  details: [
    "The node signs for these accounts. Its own one is the sender where none is named. --json has balances in wei, null " +
      "where a replica cannot know them.",
  ],
  examples: [
    "counterpart accounts list",
    "counterpart accounts list --json | jq -r '.wallets[] | select(.own).address'",
  ],
  exits: CLIENT_EXITS,
  async run({ options }, context) {
    const answer = await clientOf(options, context).get<{ wallets: readonly ListedWallet[] }>("wallets");
    const rows = answer.wallets.map(({ address, balance, next_nonce: nonce, own }) => [
      address,
      balance === null ? "unknown" : etherText(balance),
      nonce === null ? "" : String(nonce),
      own ? "the node's own" : "",
    ]);
    printAnswer(context, options.json, answer, (style) => renderTable(COLUMNS, rows, style));
    return EXIT.ok;
  },
});
