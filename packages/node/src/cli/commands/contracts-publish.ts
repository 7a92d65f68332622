/** `counterpart contracts publish`. */

import { CodedError } from "@counterpart/core/base/errors";
import { readAbi, readArtifact } from "../client/artifact-file.ts";
import { addressWord } from "../client/checked-text.ts";
import { type ContractAnswer, renderContract } from "../client/contract.ts";
import { CLIENT_EXITS, CLIENT_OPTIONS, clientOf } from "../client/target.ts";
import { amountValue } from "../client/values.ts";
import { defineCommand, flag, integer, required, text, withoutUndefined } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { styleOf } from "../render/style.ts";

interface Wanted {
  readonly artifact?: string | undefined;
  readonly abi?: string | undefined;
  readonly name?: string | undefined;
  readonly symbol?: string | undefined;
  readonly type?: string | undefined;
  readonly decimals?: number | undefined;
  readonly cap?: string | undefined;
  readonly withdraw?: boolean | undefined;
}

/** @throws CodedError `INVALID_CONFIG` */
export function publishBody(wanted: Wanted, workingDir: string): object {
  const { artifact, abi, name, symbol, type, decimals, cap, withdraw } = wanted;
  const compiled = artifact === undefined ? undefined : readArtifact(artifact, workingDir);
  const body = withoutUndefined({
    contract_type: type,
    name: name ?? compiled?.name,
    symbol,
    decimals,
    cap: cap === undefined ? undefined : amountValue(cap),
    abi: abi === undefined ? compiled?.abi : readAbi(abi, workingDir),
  });
  const isEmpty = Object.keys(body).length === 0;
  if (withdraw === true && !isEmpty)
    throw new CodedError("INVALID_CONFIG", "--withdraw publishes nothing: give it alone");
  if (withdraw !== true && isEmpty) {
    throw new CodedError("INVALID_CONFIG", "say what to publish: --artifact or --abi, --name, …; or --withdraw");
  }
  return body;
}

export const contractsPublish = defineCommand({
  args: { address: required("the contract's address") },
  options: {
    artifact: text("--artifact <path>", "what Foundry or Hardhat compiled: name and ABI are taken from it"),
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
    "The node signs with the owner's key, which it must hold, and tells its peers. What is published replaces all that was said before. Whether the ABI is that of the code is not checked: it is the owner's word.",
  ],
  examples: [
    "counterpart contracts publish 0x2103DbaCc1E104Ec4Fbc4bbD34f77515466d4258 --artifact out/Vault.sol/Vault.json",
    "counterpart contracts publish 0x2103DbaCc1E104Ec4Fbc4bbD34f77515466d4258 --abi Vault.abi --name Vault --type custom",
  ],
  exits: CLIENT_EXITS,
  async run({ args, options }, context) {
    const client = clientOf(options, context);
    const body = publishBody(options, context.workingDir);
    const { body: contract } = await client.send<ContractAnswer>(
      "PUT",
      `contracts/${addressWord(args.address)}/artifact`,
      body,
    );
    context.print(options.json === true ? `${JSON.stringify(contract)}\n` : renderContract(contract, styleOf(context)));
    return EXIT.ok;
  },
});
