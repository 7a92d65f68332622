/** A transaction as the API gives it, and as people read it. */

import { EXIT } from "../exit-code.ts";
import type { Style } from "../render/style.ts";
import { renderFields } from "../render/table.ts";
import { renderLogs } from "./result.ts";
import type { TransactionAnswer } from "./sending.ts";
import { etherText } from "./wallet.ts";

/** `GET transactions/{hash}`. */
export interface WholeTransaction extends TransactionAnswer {
  readonly conflicted_by: string | null;
  readonly type: number;
  readonly from: string;
  readonly to: string | null;
  readonly nonce: number;
  /** Wei. */
  readonly value: string;
  readonly gas_limit: string;
  readonly gas_used: number | null;
  readonly confirmations: number;
}

function statusText({ status, execution, reason, conflicted_by: by }: WholeTransaction, style: Style): string {
  if (status === "conflicted") return style.red(`conflicted: ${by} took its nonce`);
  if (status === "pending") return style.yellow(reason === null ? "pending" : `pending: ${reason}`);
  return execution === "reverted" ? style.red("included, and reverted") : style.green("included");
}

export function renderTransaction(transaction: WholeTransaction, style: Style): string {
  const { hash, block_number: number, block_hash: block, gas_used: gas, contract_address: created } = transaction;
  const fields = renderFields(
    [
      ["hash", style.bold(hash)],
      ["status", statusText(transaction, style)],
      ["block", number === null ? undefined : `${number}  ${block}`],
      ["confirmations", number === null ? undefined : String(transaction.confirmations)],
      ["from", transaction.from],
      ["to", transaction.to ?? "(makes a contract)"],
      ["contract", created ?? undefined],
      ["nonce", String(transaction.nonce)],
      ["value", `${transaction.value} wei (${etherText(transaction.value)} ether)`],
      ["gas", gas === null ? `at most ${transaction.gas_limit}` : `${gas} of ${transaction.gas_limit}`],
      ["type", String(transaction.type)],
    ],
    style,
  );
  return fields + renderLogs(transaction.logs ?? [], style);
}

/** What `tx send` ends with; one that lost its nonce will never be in a block. */
export function exitOfTransaction({ status, execution }: TransactionAnswer, waitSeconds: number): number {
  if (status === "conflicted") return EXIT.refused;
  if (status === "included") return execution === "reverted" ? EXIT.reverted : EXIT.ok;
  return waitSeconds === 0 ? EXIT.ok : EXIT.pending;
}
