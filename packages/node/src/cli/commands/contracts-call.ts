/** `counterpart contracts call`. */

import { callRequest, FUNCTION_ARGUMENTS, FUNCTION_OPTIONS } from "../client/function-call.ts";
import { renderResult } from "../client/result.ts";
import { CLIENT_EXITS, CLIENT_OPTIONS, clientOf } from "../client/target.ts";
import { defineCommand, text } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { printAnswer } from "../render/answer.ts";

export const contractsCall = defineCommand({
  args: FUNCTION_ARGUMENTS,
  options: {
    ...FUNCTION_OPTIONS,
    from: text("--from <address>", "account that calls, any", { defaultNote: "the contract's owner" }),
    ...CLIENT_OPTIONS,
  },
  details: [
    "The function is executed on the head's state, and nothing is sent. Integers are decimal, exact at any size.",
  ],
  examples: [
    "counterpart contracts call 0x2103DbaCc1E104Ec4Fbc4bbD34f77515466d4258 name",
    "counterpart contracts call 0x2103DbaCc1E104Ec4Fbc4bbD34f77515466d4258 balanceOf 0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
  ],
  exits: CLIENT_EXITS,
  async run({ args, options }, context) {
    const { params, value, from } = options;
    const client = clientOf(options, context);
    const wanted = { function: args.function, words: args.parameters, params, value, from };
    const { path, body } = await callRequest(client, args.address, wanted);
    const { body: answer } = await client.send<{ result: unknown }>("POST", `${path}/call`, body);
    printAnswer(context, options.json, answer, () => renderResult(answer.result));
    return EXIT.ok;
  },
});
