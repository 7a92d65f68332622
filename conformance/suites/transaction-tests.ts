/**
 * TransactionTests of ethereum/tests: an encoding, and what it is under the rules of each fork: the hash, sender and
 * intrinsic gas of a transaction, or nothing that a block may hold.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import { isCodedError } from "@counterpart/core/base/errors";
import { decodeAnyTransaction } from "@counterpart/core/chain/any-transaction";
import { type Rules, rulesOf } from "@counterpart/core/execution/rules";
import { intrinsicGasOf } from "@counterpart/core/execution/transaction-gas";
import { statelessFaultOf } from "@counterpart/core/execution/validity";
import { check, describeError, type Report, runCase, type Suite } from "../suite.ts";
import { hexOf, type JsonObject, readVectors, type Vector } from "../vector-files.ts";
import { forkNamed } from "./forks.ts";
import { fixedHex, numberOf, objectOf, textOf } from "./json-fields.ts";

/** The main network's. */
const CHAIN_ID = 1;

export const transactionTests: Suite = {
  name: "TransactionTests",
  async run(folder, report) {
    for (const vector of readVectors(folder)) await runVector(vector, report);
  },
};

async function runVector({ id, content }: Vector, report: Report): Promise<void> {
  let raw: Uint8Array;
  let results: [string, JsonObject][];
  try {
    const { txbytes, result } = objectOf(content, "the vector");
    raw = hexOf(textOf(txbytes, "txbytes"));
    results = Object.entries(objectOf(result, "result")).map(([name, value]) => [name, objectOf(value, name)]);
    check(results.length > 0, "it has no cases");
  } catch (error) {
    report.fail(id, describeError(error));
    return;
  }
  for (const [name, result] of results) {
    const fork = forkNamed(name);
    if (fork === undefined) report.skip(`${id} (${name})`, `there is no fork ${name}`);
    else await runCase(report, `${id} (${name})`, () => checkResult(raw, result, rulesOf(fork)));
  }
}

interface Meaning {
  readonly hash: Hex;
  readonly sender: Hex;
  readonly intrinsicGas: bigint;
}

/** What the encoding is; or why a block may not hold it. */
function meaningOf(raw: Uint8Array, rules: Rules): Meaning | string {
  try {
    const transaction = decodeAnyTransaction(raw, CHAIN_ID, rules);
    const { hash, sender } = transaction;
    const intrinsicGas = BigInt(intrinsicGasOf(rules, transaction));
    return statelessFaultOf(transaction, rules)?.message ?? { hash, sender, intrinsicGas };
  } catch (error) {
    // Any other error is no judgement: it breaks the case.
    if (isCodedError(error, "INVALID_TRANSACTION")) return error.message;
    throw error;
  }
}

function checkResult(raw: Uint8Array, result: JsonObject, rules: Rules): void {
  const meaning = meaningOf(raw, rules);
  if (result.exception !== undefined) {
    check(typeof meaning === "string", "accepted, though it is invalid");
    return;
  }
  if (typeof meaning === "string") throw new Error(`refused: ${meaning}`);
  const { hash, sender, intrinsicGas } = meaning;
  check(hash === fixedHex(result.hash, "hash", 32), `its hash is ${hash}`);
  check(sender === fixedHex(result.sender, "sender", 20), `its sender is ${sender}`);
  check(intrinsicGas === numberOf(result.intrinsicGas, "intrinsicGas"), `its intrinsic gas is ${intrinsicGas}`);
}
