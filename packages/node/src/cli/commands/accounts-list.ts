/** `counterpart accounts list`. */

import { CLIENT_EXITS, CLIENT_OPTIONS, clientOf } from "../client/target.ts";
import { etherText, type WalletAnswer } from "../client/wallet.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { styleOf } from "../render/style.ts";
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
    "The node signs for these accounts. Its own one is the sender where none is named. --json has balances in wei.",
  ],
  examples: [
    "counterpart accounts list",
    "counterpart accounts list --json | jq -r '.wallets[] | select(.own).address'",
  ],
  exits: CLIENT_EXITS,
  async run({ options }, context) {
    const answer = await clientOf(options, context).get<{ wallets: readonly WalletAnswer[] }>("wallets");
    if (options.json === true) {
      context.print(`${JSON.stringify(answer)}\n`);
      return EXIT.ok;
    }
    const rows = answer.wallets.map(({ address, balance, next_nonce: nonce, own }) => [
      address,
      etherText(balance),
      String(nonce),
      own ? "the node's own" : "",
    ]);
    context.print(renderTable(COLUMNS, rows, styleOf(context)));
    return EXIT.ok;
  },
});
