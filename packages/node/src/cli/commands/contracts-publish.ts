/** `counterpart contracts publish`. */

import { CodedError } from "@counterpart/core/base/errors";
import { readAbi } from "../client/artifact-file.ts";
import { addressWord } from "../client/checked-text.ts";
import { CODE_OPTIONS, codeFields, type WantedCode } from "../client/code-options.ts";
import { type ContractAnswer, renderContract } from "../client/contract.ts";
import { CLIENT_EXITS, CLIENT_OPTIONS, clientOf } from "../client/target.ts";
import { amountValue } from "../client/values.ts";
import { defineCommand, flag, integer, required, text, withoutUndefined } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { invalidConfig } from "../invalid-config.ts";
import { printAnswer } from "../render/answer.ts";
import type { Style } from "../render/style.ts";

interface Wanted extends WantedCode {
  readonly abi?: string | undefined;
  readonly name?: string | undefined;
  readonly symbol?: string | undefined;
  readonly type?: string | undefined;
  readonly decimals?: number | undefined;
  readonly cap?: string | undefined;
  readonly withdraw?: boolean | undefined;
}

/** @throws CodedError `INVALID_CONFIG` */
function publishBody(wanted: Wanted, workingDir: string): object {
  const { abi, name, symbol, type, decimals, cap, withdraw } = wanted;
  const said = withoutUndefined({
    contract_type: type,
    name,
    symbol,
    decimals,
    cap: cap === undefined ? undefined : amountValue(cap),
    abi: abi === undefined ? undefined : readAbi(abi, workingDir),
  });
  const body = { ...codeFields(wanted, workingDir), ...said };
  const isEmpty = Object.keys(body).length === 0;
  if (withdraw === true && !isEmpty) {
    throw invalidConfig("--withdraw publishes nothing: give it alone");
  }
  if (withdraw !== true && isEmpty) {
    throw new CodedError(
      "INVALID_CONFIG",
      "say what to publish: --artifact, --source or --abi, --name, …; or --withdraw",
    );
  }
  return body;
}

/** What the node has proven of the code that came along. */
interface CodeMatch {
  readonly match: "exact" | "except_metadata";
  readonly immutables: readonly { readonly offsets: readonly number[]; readonly value: string }[];
}

interface PublishAnswer extends ContractAnswer {
  readonly code_match: CodeMatch | null;
}

const MATCHES = {
  exact: "every byte of the contract's code is what was compiled",
  except_metadata: "the instructions are what was compiled; the sources may differ in comments, names and paths",
} as const;

function renderMatch(match: CodeMatch | null, style: Style): string {
  if (match === null) return "";
  const { length } = match.immutables;
  const filled =
    length === 0 ? "" : `; ${length} immutable${length === 1 ? " was" : "s were"} filled in by its creation`;
  return `${style.green(match.match)}  ${MATCHES[match.match]}${filled}\n`;
}

export const contractsPublish = defineCommand({
  args: { address: required("the contract's address") },
  options: {
    ...CODE_OPTIONS,
    abi: text("--abi <path>", "file with the ABI"),
    name: text("--name <name>", "name to show"),
    symbol: text("--symbol <symbol>", "symbol to show"),
    type: text("--type <type>", "such as token or custom"),
    decimals: integer("--decimals <count>", "decimals to show amounts with", 0, 255),
    cap: text("--cap <amount>", "greatest supply, in base units"),
    withdraw: flag("--withdraw", "take back all that was said of the contract"),
    ...CLIENT_OPTIONS,
  },
  details: [
    "The node signs with the owner's key, which it must hold, and tells its peers. What is published replaces all that was said before. With --artifact or --source the node first holds what was compiled against the contract's code, publishes name and ABI from there, and says what it has proven; code that differs is refused. An ABI by itself is the owner's word.",
  ],
  examples: [
    "counterpart contracts publish 0x2103DbaCc1E104Ec4Fbc4bbD34f77515466d4258 --artifact out/Vault.sol/Vault.json",
    "counterpart contracts publish 0x2103DbaCc1E104Ec4Fbc4bbD34f77515466d4258 --abi Vault.abi --name Vault --type custom",
  ],
  exits: CLIENT_EXITS,
  async run({ args, options }, context) {
    const client = clientOf(options, context);
    const body = publishBody(options, context.workingDir);
    const { body: contract } = await client.send<PublishAnswer>(
      "PUT",
      `contracts/${addressWord(args.address)}/artifact`,
      body,
    );
    printAnswer(
      context,
      options.json,
      contract,
      (style) => renderMatch(contract.code_match, style) + renderContract(contract, style),
    );
    return EXIT.ok;
  },
});
