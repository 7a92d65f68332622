/** `counterpart peers bans`. */

import { CLIENT_EXITS, CLIENT_OPTIONS, clientOf } from "../client/target.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { printAnswer } from "../render/answer.ts";
import { printable, renderTable } from "../render/table.ts";
import { moment } from "../render/units.ts";

interface BanAnswer {
  readonly peer_id: string;
  readonly reason: string;
  readonly banned_until: number;
  readonly times: number;
}

const COLUMNS = [{ title: "peer id" }, { title: "reason" }, { title: "until" }, { title: "times", isRight: true }];

export const peersBans = defineCommand({
  args: {},
  options: CLIENT_OPTIONS,
  examples: ["counterpart peers bans", "counterpart peers bans --json | jq -r '.bans[].peer_id'"],
  exits: CLIENT_EXITS,
  async run({ options }, context) {
    const answer = await clientOf(options, context).get<{ bans: readonly BanAnswer[] }>("network/bans");
    const rows = answer.bans.map((ban) => [
      ban.peer_id,
      printable(ban.reason),
      moment(ban.banned_until),
      String(ban.times),
    ]);
    printAnswer(context, options.json, answer, (style) => renderTable(COLUMNS, rows, style));
    if (options.json !== true && rows.length === 0) context.printError("there are none\n");
    return EXIT.ok;
  },
});
