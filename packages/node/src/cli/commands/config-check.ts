/** `counterpart config check`. */

import { type CodedError, isCodedError } from "@counterpart/core/base/errors";
import type { NodeConfig } from "../../config.ts";
import { readPassword } from "../../keys/secret-file.ts";
import { readGenesis } from "../../store/genesis-file.ts";
import { CLIENT_OPTIONS } from "../client/target.ts";
import { defineCommand } from "../command.ts";
import { CONFIG_FLAGS, inspectOptions } from "../config-flags.ts";
import { EXIT } from "../exit-code.ts";
import { printAnswer } from "../render/answer.ts";
import { printable } from "../render/table.ts";

/** What a node would refuse of settings that are right by themselves: beside each other, and in the files that they name. */
async function problemsOf(config: NodeConfig): Promise<readonly CodedError[]> {
  const { checkCertified, checkContracts, chosenOf, privateNetworkOf } = await import("../../app/checks.ts");
  const checks = [
    () => {
      const genesis = readGenesis(config.genesis);
      if ("own" in genesis) checkCertified(config, genesis.own);
    },
    () => checkContracts(config),
    () => void chosenOf(config.contracts),
    () => void privateNetworkOf(config),
    () => {
      if (config.keystorePasswordFile !== undefined) readPassword(config.keystorePasswordFile);
    },
  ];
  return checks.flatMap((check) => {
    try {
      check();
      return [];
    } catch (error) {
      if (isCodedError(error)) return [error];
      throw error;
    }
  });
}

export const configCheck = defineCommand({
  args: {},
  options: { ...CLIENT_OPTIONS, ...CONFIG_FLAGS },
  details: [
    "Takes the flags of start and of the commands that ask a node. Every problem is told, not only the first, those of the files that settings name among them. Nothing is opened or changed: counterpart doctor looks at ports, disk and the running node.",
  ],
  examples: [
    "counterpart config check --config /etc/counterpart.json",
    "counterpart config check --json | jq '.problems'",
  ],
  exits: [
    [EXIT.ok, "a node would take these settings"],
    [EXIT.usage, "a setting is wrong"],
  ],
  async run({ options }, context) {
    const { config, problems } = inspectOptions(options, context);
    const all = config === undefined ? problems : [...problems, ...(await problemsOf(config))];
    const answer = { ok: all.length === 0, problems: all.map(({ code, message }) => ({ code, message })) };
    const words = all.map(({ code, message }) => `${printable(message)} (${code})\n`).join("");
    printAnswer(context, options.json, answer, () => words || "ok\n");
    return all.length === 0 ? EXIT.ok : EXIT.usage;
  },
});
