/** `counterpart doctor`. */

import { readFileSync } from "node:fs";
import type { NodeConfig } from "../../config.ts";
import { createApiClient } from "../client/api-client.ts";
import { CLIENT_OPTIONS, tokenOf, urlOf } from "../client/target.ts";
import { defineCommand } from "../command.ts";
import { CONFIG_FLAGS, flagsOf } from "../config-flags.ts";
import type { CommandContext } from "../context.ts";
import { EXIT } from "../exit-code.ts";
import { type Finding, renderFindings } from "../findings.ts";
import { styleOf } from "../render/style.ts";
import { type Flags, inspectConfig } from "../resolve-config.ts";

const { url, ...OTHER_CLIENT_OPTIONS } = CLIENT_OPTIONS;
const NODE_MS = 5_000;
const ANY = new Set(["0.0.0.0", "::"]);

/** Where a node of this configuration would answer. */
function ownUrl({ apiHost, apiPort }: NodeConfig): string {
  const host = ANY.has(apiHost) ? "127.0.0.1" : apiHost;
  return `http://${host.includes(":") ? `[${host}]` : host}:${apiPort}`;
}

/** @throws CodedError `INVALID_CONFIG` */
function clientFor(config: NodeConfig, options: Readonly<Record<string, unknown>>, context: CommandContext) {
  const isNamed = options.url !== undefined || (context.environment.COUNTERPART_URL ?? "") !== "";
  const token = tokenOf(options, context);
  return createApiClient({
    url: isNamed ? urlOf(options, context) : ownUrl(config),
    requestMs: NODE_MS,
    ...(token !== undefined && { token }),
  });
}

export const doctor = defineCommand({
  args: {},
  options: {
    ...CONFIG_FLAGS,
    url: { ...url, defaultNote: "where a node of these settings answers" },
    ...OTHER_CLIENT_OPTIONS,
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
    const { config, problems } = inspectConfig({
      flags: flagsOf(options as Readonly<Record<string, Flags[keyof Flags]>>),
      environment: context.environment,
      workingDir: context.workingDir,
      readFile: (path) => readFileSync(path, "utf8"),
    });
    const advice = "counterpart config print shows where each setting comes from";
    const wrong = problems.map(({ message }): Finding => ({ check: "config", verdict: "wrong", message, advice }));
    const { examine } = await import("../examination.ts");
    const findings = config === undefined ? wrong : await examine(config, clientFor(config, options, context));
    const isWrong = findings.some(({ verdict }) => verdict === "wrong");
    if (options.json === true) context.print(`${JSON.stringify({ ok: !isWrong, findings })}\n`);
    else context.print(renderFindings(findings, styleOf(context)));
    if (config === undefined) return EXIT.usage;
    return isWrong ? EXIT.unfit : EXIT.ok;
  },
});
