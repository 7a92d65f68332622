/** `counterpart peers disconnect`. */

import { CLIENT_EXITS, CLIENT_OPTIONS, clientOf } from "../client/target.ts";
import { defineCommand, flag, optional } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { invalidConfig } from "../invalid-config.ts";
import { printAnswer } from "../render/answer.ts";

/** Neither host and port nor a multiaddr, so a peer id, right or wrong. */
const isPeerId = (peer: string): boolean => !/[:/]/.test(peer);

/** @throws CodedError `INVALID_CONFIG` */
function disconnectBody(peer: string | undefined, all: boolean): object {
  if (all && peer === undefined) return {};
  if (!all && peer !== undefined) return isPeerId(peer) ? { peer_id: peer } : { address: peer };
  throw invalidConfig("name one peer by address or peer id, or give --all");
}

export const peersDisconnect = defineCommand({
  args: { peer: optional("its address as peers list shows it, or its peer id") },
  options: { all: flag("--all", "every peer"), ...CLIENT_OPTIONS },
  details: ["Neither node dials the other again until one of them is told to connect."],
  examples: ["counterpart peers disconnect 127.0.0.1:5000", "counterpart peers disconnect --all"],
  exits: CLIENT_EXITS,
  async run({ args, options }, context) {
    const request = disconnectBody(args.peer, options.all === true);
    const client = clientOf(options, context);
    const { body } = await client.send<{ disconnected: number }>("POST", "network/disconnect", request);
    const isUnknown = body.disconnected === 0 && args.peer !== undefined;
    const said = isUnknown
      ? "no such peer was connected; it is not dialled again"
      : `disconnected  ${body.disconnected}`;
    printAnswer(context, options.json, body, () => `${said}\n`);
    return EXIT.ok;
  },
});
