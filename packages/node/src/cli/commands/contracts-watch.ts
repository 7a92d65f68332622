/** `counterpart contracts watch`. */

import { CodedError } from "@counterpart/core/base/errors";
import { suggestionOf } from "@counterpart/core/base/similar";
import { addressWord } from "../client/checked-text.ts";
import { followEvents, SILENCE_MS } from "../client/event-follower.ts";
import type { StreamEvent } from "../client/event-stream.ts";
import { valueText } from "../client/result.ts";
import { CLIENT_EXITS, CLIENT_OPTIONS, clientOf } from "../client/target.ts";
import { defineCommand, flag, integer, text, variadic } from "../command.ts";
import { stopSignal } from "../context.ts";
import { EXIT } from "../exit-code.ts";
import { invalidConfig } from "../invalid-config.ts";
import { type Style, styleOf } from "../render/style.ts";
import { printable } from "../render/table.ts";

const CONTRACT_TYPES = ["contract.created", "contract.updated", "contract.removed", "artifact"];
const COUNT_MAX = 1_000_000_000;

type Data = Readonly<Record<string, unknown>>;

function dataOf({ data }: StreamEvent): Data {
  try {
    return JSON.parse(data) as Data;
  } catch {
    throw new CodedError("CONNECTION_FAILED", "the node's events are not JSON");
  }
}

/** `contract.updated  0x…  block_number=12 block_hash=0x…`. */
export function eventLine(type: string, { address, ...rest }: Data, style: Style): string {
  const paint = type === "contract.removed" || type === "reset" ? style.yellow : style.green;
  const subject = typeof address === "string" ? `  ${style.bold(printable(address))}` : "";
  const more = Object.entries(rest).map(([name, value]) => `${printable(name)}=${valueText(value)}`);
  return `${paint(printable(type).padEnd(16))}${subject}${more.length === 0 ? "" : `  ${more.join(" ")}`}\n`;
}

/** Of events that name a contract, those of the chosen ones; all others, such as `reset`. */
export const concerns = (chosen: ReadonlySet<string>, { address }: Data): boolean =>
  chosen.size === 0 || typeof address !== "string" || chosen.has(address.toLowerCase());

async function typesOf(given: string | undefined): Promise<readonly string[] | undefined> {
  if (given === undefined) return CONTRACT_TYPES;
  if (given === "all") return undefined;
  // The API's schemas take their time to load.
  const { EVENT_TYPES } = await import("../../api/events/event-types.ts");
  const known: readonly string[] = EVENT_TYPES;
  const names = given.split(",");
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return names;
  const there = `all, or names of ${known.join(", ")}`;
  throw invalidConfig(`--types must be ${there}, not ${JSON.stringify(unknown)}${suggestionOf(unknown, known)}`);
}

export const contractsWatch = defineCommand({
  args: { addresses: variadic("only these contracts") },
  options: {
    types: text("--types <names>", "types of events, separated by commas, or all", {
      defaultNote: CONTRACT_TYPES.join(","),
    }),
    count: integer("--count <number>", "end after so many events", 1, COUNT_MAX),
    lastEventId: text("--last-event-id <id>", "begin with what came after this event; ids are in --json"),
    ...CLIENT_OPTIONS,
    json: flag("--json", "as JSON, a line for each event"),
  },
  details: [
    "When the connection breaks or the node restarts, it goes on after the last event that came. Where the node does not hold that any more it says reset: read anew whatever you keep.",
  ],
  examples: [
    "counterpart contracts watch",
    "counterpart contracts watch 0x2103DbaCc1E104Ec4Fbc4bbD34f77515466d4258 --types contract.updated --json",
    "counterpart contracts watch --types all",
  ],
  exits: CLIENT_EXITS,
  async run({ args, options }, context) {
    const { json = false, count = Number.POSITIVE_INFINITY } = options;
    const chosen = new Set(args.addresses.map((address) => addressWord(address).toLowerCase()));
    const types = await typesOf(options.types);
    // Heartbeats come less often than answers do.
    const client = clientOf(options, context, { timeoutMs: SILENCE_MS });
    const style = styleOf(context);
    const note = (words: string): void => (json ? undefined : context.printError(`${printable(words)}\n`));
    let seen = 0;
    await followEvents({
      client,
      types,
      signal: stopSignal(context),
      lastId: options.lastEventId,
      onEvent(event) {
        const data = dataOf(event);
        if (!concerns(chosen, data)) return true;
        const { type, id } = event;
        context.print(json ? `${JSON.stringify({ id, event: type, data })}\n` : eventLine(type, data, style));
        return ++seen < count;
      },
      onOpen: () => note(`watching ${client.url}; Ctrl-C ends it`),
      onGone: (reason, pauseMs) => note(`${reason}; trying again in ${pauseMs / 1_000} s`),
      wait: context.wait,
    });
    return EXIT.ok;
  },
});
