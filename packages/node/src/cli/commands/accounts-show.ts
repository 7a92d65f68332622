/** `counterpart accounts show`. */

import { addressWord } from "../client/checked-text.ts";
import { CLIENT_EXITS, CLIENT_OPTIONS, clientOf } from "../client/target.ts";
import { etherText, type WalletAnswer } from "../client/wallet.ts";
import { defineCommand, required } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { printAnswer } from "../render/answer.ts";
import { renderFields } from "../render/table.ts";

export const accountsShow = defineCommand({
  args: { address: required("any account's address") },
  options: CLIENT_OPTIONS,
  examples: ["counterpart accounts show 0x70997970C51812dc3A010C7d01b50e0d17dc79C8"],
  exits: CLIENT_EXITS,
  async run({ args, options }, context) {
    const wallet = await clientOf(options, context).get<WalletAnswer>(`wallets/${addressWord(args.address)}`);
    const { address, balance, nonce, next_nonce: next, held, own } = wallet;
    const key = own ? "the node's own account" : held ? "held by the node" : "not held by the node";
    const fields = [
      ["address", address],
      ["balance", `${balance} wei (${etherText(balance)} ether)`],
      ["nonce", String(nonce)],
      ["pending", next > nonce ? String(next - nonce) : undefined],
      ["key", key],
    ] as const;
    printAnswer(context, options.json, wallet, (style) => renderFields(fields, style));
    return EXIT.ok;
  },
});
