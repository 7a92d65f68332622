/** `counterpart doctor`. */

import type { NodeConfig } from "../../config.ts";
import { CLIENT_OPTIONS, clientOf } from "../client/target.ts";
import { defineCommand } from "../command.ts";
import { CONFIG_FLAGS, inspectOptions } from "../config-flags.ts";
import { problemsOf } from "../config-problems.ts";
import { EXIT } from "../exit-code.ts";
import { type Finding, renderFindings } from "../findings.ts";
import { printAnswer } from "../render/answer.ts";

const NODE_MS = 5_000;
const ANY = new Set(["0.0.0.0", "::"]);

/** Where a node of this configuration would answer. */
function ownUrl({ apiHost, apiPort }: NodeConfig): string {
  const host = ANY.has(apiHost) ? "127.0.0.1" : apiHost;
  return `http://${host.includes(":") ? `[${host}]` : host}:${apiPort}`;
}

export const doctor = defineCommand({
  args: {},
  options: {
    ...CLIENT_OPTIONS,
    ...CONFIG_FLAGS,
    url: { ...CLIENT_OPTIONS.url, defaultNote: "where a node of these settings answers" },
    timeoutMs: { ...CLIENT_OPTIONS.timeoutMs, defaultNote: String(NODE_MS) },
  },
  details: [
    "Takes the flags of start and looks at what such a node needs: Node, native modules, data directory and disk, ports, genesis; and at the node that runs, if one does: readiness, versions, clocks, peers. Nothing is changed. Each finding says what to do.",
  ],
  examples: [
    "counterpart doctor",
    "counterpart doctor --config /etc/counterpart.json",
    "counterpart doctor --json | jq '.findings[] | select(.verdict != \"ok\")'",
  ],
  exits: [
    [EXIT.ok, "nothing is wrong; there may be warnings"],
    [EXIT.usage, "a setting is wrong: it would not start"],
    [EXIT.unfit, "something is wrong that keeps a node from working"],
  ],
  async run({ options }, context) {
    const inspection = inspectOptions(options, context);
    const { config, problems } = inspection;
    const advice = "counterpart config print shows where each setting comes from";
    const wrong = [...problems, ...(await problemsOf(inspection))]
      // The genesis has a finding of its own where the rest is right.
      .filter(({ code }) => config === undefined || code !== "INVALID_GENESIS")
      .map(({ message }): Finding => ({ check: "config", verdict: "wrong", message, advice }));
    const { examine } = await import("../examination.ts");
    const findings =
      config === undefined
        ? wrong
        : [
            ...wrong,
            ...(await examine(config, clientOf(options, context, { url: ownUrl(config), timeoutMs: NODE_MS }))),
          ];
    const isWrong = findings.some(({ verdict }) => verdict === "wrong");
    printAnswer(context, options.json, { ok: !isWrong, findings }, (style) => renderFindings(findings, style));
    if (config === undefined) return EXIT.usage;
    return isWrong ? EXIT.unfit : EXIT.ok;
  },
});
