/** `counterpart peers connect`. */

import { CLIENT_EXITS, CLIENT_OPTIONS, clientOf } from "../client/target.ts";
import { defineCommand, integer, required } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { printAnswer } from "../render/answer.ts";
import { printable } from "../render/table.ts";
import { duration } from "../render/units.ts";

/** Of the API, for one request. */
const WAIT_S_MAX = 600;
const ANSWER_MS = 30_000;

interface ConnectAnswer {
  readonly peer_id: string;
  readonly address: string;
  readonly status: "synced" | "syncing";
  readonly blocks_synced: number;
  readonly contracts_synced: number;
  readonly duration_ms: number;
}

export const peersConnect = defineCommand({
  args: { address: required("host:port, such as 127.0.0.1:5000, or a multiaddr") },
  options: {
    wait: integer(
      "--wait <seconds>",
      "how long to wait until both nodes hold the same; 0: only connect",
      0,
      WAIT_S_MAX,
      {
        default: 30,
      },
    ),
    ...CLIENT_OPTIONS,
  },
  details: ["The node remembers the peer and dials it again, over restarts too, until it is disconnected."],
  examples: ["counterpart peers connect 127.0.0.1:5000", "counterpart peers connect 192.0.2.7:5000 --wait 600 --json"],
  exits: [...CLIENT_EXITS, [EXIT.pending, "connected, but not of one mind within --wait; it goes on"]],
  async run({ args, options }, context) {
    const waitMs = options.wait * 1_000;
    const client = clientOf(options, context);
    const request = { address: args.address, wait_ms: waitMs };
    const { body } = await client.send<ConnectAnswer>("POST", "network/connect", request, {
      silenceMs: waitMs + ANSWER_MS,
    });
    printAnswer(context, options.json, body, (style) => {
      const { status, blocks_synced: blocks, contracts_synced: contracts, duration_ms: ms } = body;
      const word = status === "synced" ? style.green(status) : style.yellow(status);
      const took = `${blocks} blocks and ${contracts} contracts were new, in ${duration(ms)}`;
      return `${word}  ${printable(body.address)}  ${took}\n`;
    });
    return body.status === "synced" || options.wait === 0 ? EXIT.ok : EXIT.pending;
  },
});
