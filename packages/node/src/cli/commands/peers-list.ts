/** `counterpart peers list`. */

import { CLIENT_EXITS, CLIENT_OPTIONS, clientOf } from "../client/target.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { printAnswer } from "../render/answer.ts";
import { printable, renderTable } from "../render/table.ts";

/** `GET network/peers`, as far as it is shown. */
interface PeerAnswer {
  readonly peer_id: string | null;
  readonly address: string;
  readonly direction: string;
  readonly state: string;
  readonly client: string | null;
  readonly head: { readonly number: number } | null;
  readonly clock_difference_ms: number | null;
  readonly last_error: string | null;
}

const COLUMNS = [
  { title: "address" },
  { title: "state" },
  { title: "block", isRight: true },
  { title: "clock", isRight: true },
  { title: "direction" },
  { title: "client" },
  { title: "last error" },
  { title: "peer id" },
];

const rowOf = (peer: PeerAnswer): string[] => [
  printable(peer.address),
  printable(peer.state),
  peer.head === null ? "" : String(peer.head.number),
  peer.clock_difference_ms === null ? "" : `${Math.round(peer.clock_difference_ms)} ms`,
  peer.direction,
  printable(peer.client ?? ""),
  printable(peer.last_error ?? ""),
  peer.peer_id ?? "",
];

export const peersList = defineCommand({
  args: {},
  options: CLIENT_OPTIONS,
  details: ["clock is the peer's minus the node's; more than 60 s apart, nodes refuse each other."],
  examples: ["counterpart peers list", "counterpart peers list --json | jq '.peers | length'"],
  exits: CLIENT_EXITS,
  async run({ options }, context) {
    const answer = await clientOf(options, context).get<{ peers: readonly PeerAnswer[] }>("network/peers");
    const { peers } = answer;
    printAnswer(context, options.json, answer, (style) => renderTable(COLUMNS, peers.map(rowOf), style));
    if (options.json !== true && peers.length === 0)
      context.printError("there are none; counterpart peers connect <address> adds one\n");
    return EXIT.ok;
  },
});
