/** A block as the API gives it, and as people read it. */

import type { Style } from "../render/style.ts";
import { renderFields } from "../render/table.ts";
import { moment } from "../render/units.ts";

/** `GET blocks/{block}`. */
export interface BlockAnswer {
  readonly number: number;
  readonly hash: string;
  readonly parent_hash: string;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly sealer: string;
  readonly state_root: string;
  readonly transactions_root: string;
  readonly receipts_root: string;
  readonly gas_limit: number;
  readonly gas_used: number;
  readonly base_fee_per_gas: string;
  /** Bytes. */
  readonly size: number;
  readonly transaction_count: number;
  readonly transactions: readonly string[];
  readonly certified: string;
  readonly confirmations: number;
}

export function renderBlock(block: BlockAnswer, style: Style): string {
  const fields = renderFields(
    [
      ["number", style.bold(String(block.number))],
      ["hash", block.hash],
      ["parent", block.parent_hash],
      ["time", moment(block.timestamp)],
      ["sealer", block.sealer],
      ["vouched for", block.certified === "none" ? "by nobody" : "by a listed signer"],
      ["state root", block.state_root],
      ["receipts root", block.receipts_root],
      ["gas", `${block.gas_used} of ${block.gas_limit}`],
      ["base fee", `${block.base_fee_per_gas} wei`],
      ["size", `${block.size} bytes`],
      ["confirmations", String(block.confirmations)],
      ["transactions", String(block.transaction_count)],
    ],
    style,
  );
  return fields + block.transactions.map((hash) => `  ${hash}\n`).join("");
}
