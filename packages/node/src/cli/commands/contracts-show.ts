/** `counterpart contracts show`. */

import { addressWord } from "../client/checked-text.ts";
import { amountText, type ContractAnswer, renderContract, renderFunctions, wholeAbi } from "../client/contract.ts";
import { CLIENT_EXITS, CLIENT_OPTIONS, clientOf } from "../client/target.ts";
import { defineCommand, required, text } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { printAnswer } from "../render/answer.ts";

export const contractsShow = defineCommand({
  args: { address: required("the contract's address") },
  options: {
    balanceOf: text("--balance-of <address>", "also what its balanceOf says of this account"),
    ...CLIENT_OPTIONS,
  },
  details: [
    "Two nodes hold the same of a contract when they show the same integrity hash. --json has the ABI whole, and with --balance-of the member balance_of.",
  ],
  examples: [
    "counterpart contracts show 0x2103DbaCc1E104Ec4Fbc4bbD34f77515466d4258",
    "counterpart contracts show 0x2103DbaCc1E104Ec4Fbc4bbD34f77515466d4258 --json | jq -r .integrity_hash",
  ],
  exits: CLIENT_EXITS,
  async run({ args, options }, context) {
    const client = clientOf(options, context);
    const path = `contracts/${addressWord(args.address)}`;
    const holder = options.balanceOf === undefined ? undefined : addressWord(options.balanceOf);
    const contract = await client.get<ContractAnswer>(path);
    const held = holder === undefined ? undefined : await client.get<{ balance: string }>(`${path}/balance/${holder}`);
    const answer =
      held === undefined ? contract : { ...contract, balance_of: { address: holder, balance: held.balance } };
    printAnswer(context, options.json, answer, (style) => {
      const balance =
        held === undefined ? "" : `${style.dim(`balance of ${holder}`)}  ${amountText(held.balance, contract)}\n`;
      return renderContract(contract, style) + balance + renderFunctions(wholeAbi(contract), style);
    });
    return EXIT.ok;
  },
});
