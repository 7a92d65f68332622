/** Transactions: hand in a signed one, and ask what became of one. */

import { bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { decodeTransactionWith } from "@counterpart/core/chain/transaction";
import type { AnyReceipt } from "@counterpart/core/chain/types";
import Type, { type Static } from "typebox";
import { transactionConflicted } from "../../contracts/inclusion.ts";
import type { DecodedLog } from "../../contracts/types.ts";
import type { TransactionStatus } from "../../engine/types.ts";
import type { ApiContext, ApiInstance, Certified } from "../context.ts";
import { IdempotencyHeaders, requestKeyOf } from "../idempotency-key.ts";
import { transactionOf } from "../state.ts";
import { LogSchema, logToJson } from "./contract-schemas.ts";
import {
  AddressSchema,
  CertifiedSchema,
  DecimalSchema,
  HashSchema,
  HexSchema,
  hashOf,
  nullable,
  PROBLEM_RESPONSE,
  refTo,
  shownAddress,
  shownAddressOrNull,
} from "./schemas.ts";

const TransactionSchema = Type.Object(
  {
    hash: HashSchema,
    status: Type.Enum(["pending", "included", "conflicted"]),
    reason: nullable(Type.String({ description: "why a pending one cannot be executed yet, as an error code" })),
    conflicted_by: nullable(Type.Unsafe<string>({ ...HashSchema, description: "what took its nonce" })),
    type: Type.Integer(),
    from: AddressSchema,
    to: nullable(AddressSchema),
    nonce: Type.Integer(),
    value: DecimalSchema,
    gas_limit: DecimalSchema,
    max_fee_per_gas: DecimalSchema,
    max_priority_fee_per_gas: DecimalSchema,
    input: HexSchema,
    block_hash: nullable(HashSchema),
    block_number: nullable(Type.Integer()),
    index: nullable(Type.Integer()),
    execution: nullable(Type.Enum(["success", "reverted"])),
    gas_used: nullable(Type.Integer()),
    effective_gas_price: nullable(DecimalSchema),
    contract_address: nullable(AddressSchema),
    logs: nullable(Type.Array(refTo(LogSchema))),
    certified: CertifiedSchema,
    final: Type.Boolean(),
    confirmations: Type.Integer({ description: "0 while it is not included" }),
  },
  { $id: "Transaction" },
);

type TransactionJson = Static<typeof TransactionSchema>;

const NOT_INCLUDED = {
  block_hash: null,
  block_number: null,
  index: null,
  execution: null,
  gas_used: null,
  effective_gas_price: null,
  contract_address: null,
  logs: null,
  confirmations: 0,
} satisfies Partial<TransactionJson>;

/** Null where the receipt does not tell: before Byzantium. */
function executionOf({ status }: AnyReceipt): "success" | "reverted" | null {
  if (status === undefined) return null;
  return status === 1 ? "success" : "reverted";
}

function inclusionToJson(status: TransactionStatus, logs: readonly DecodedLog[]) {
  if (status.status !== "included") return NOT_INCLUDED;
  const { receipt } = status;
  return {
    block_hash: status.blockHash,
    block_number: status.blockNumber,
    index: status.index,
    execution: executionOf(receipt),
    gas_used: receipt.gasUsed,
    effective_gas_price: receipt.effectiveGasPrice.toString(),
    contract_address: shownAddressOrNull(receipt.contractAddress),
    logs: logs.map(logToJson),
    confirmations: status.confirmations,
  } satisfies Partial<TransactionJson>;
}

function transactionToJson(
  status: TransactionStatus,
  logs: readonly DecodedLog[],
  certified: Certified,
): TransactionJson {
  const { transaction } = status;
  return {
    hash: transaction.hash,
    status: status.status,
    reason: status.status === "pending" ? (status.reason ?? null) : null,
    conflicted_by: status.status === "conflicted" ? status.by : null,
    type: transaction.type,
    from: shownAddress(transaction.sender),
    to: shownAddressOrNull(transaction.to),
    nonce: Number(transaction.nonce),
    value: transaction.value.toString(),
    gas_limit: transaction.gasLimit.toString(),
    max_fee_per_gas: transaction.maxFeePerGas.toString(),
    max_priority_fee_per_gas: transaction.maxPriorityFeePerGas.toString(),
    input: bytesToHex(transaction.data),
    ...inclusionToJson(status, logs),
    certified,
    final: false,
  };
}

/** The first one of the first development account on the development network: 1 wei to itself. */
const SIGNED =
  "0x02f864827a6980808082520894f39fd6e51aad88f6f4ce6ab8827279cfffb922660180c080" +
  "a0a2f6c89b8588f8594617e9ae507822c898500e70602647e78c3a03a325264403" +
  "a060399b9b2c2cf52eceb5de3be8f6b634b25bc0b285babee44f2d10ac63d2189c";

const SubmitBody = Type.Object(
  { raw: Type.String({ pattern: "^0x[0-9a-fA-F]+$", description: "a signed transaction (EIP-2718), hexadecimal" }) },
  { additionalProperties: false, examples: [{ raw: SIGNED }] },
);

export function registerTransactions(server: ApiInstance, { backend, certified }: ApiContext): void {
  const { engine } = backend;
  server.addSchema(TransactionSchema);

  const shown = async (status: TransactionStatus): Promise<TransactionJson> => {
    const logs = status.status === "included" ? await backend.contracts.decodeLogs(status.receipt.logs) : [];
    return transactionToJson(status, logs, certified);
  };
  const statusOf = (hash: Hex): TransactionStatus => {
    const status = transactionOf(engine, hash);
    if (status !== undefined) return status;
    throw new CodedError("TRANSACTION_NOT_FOUND", `this node knows no transaction ${hash}`, { hash });
  };

  server.post(
    "/transactions",
    {
      schema: {
        operationId: "submitTransaction",
        tags: ["transactions"],
        summary: "Hand in a signed transaction",
        description:
          "202 while it is pending, 200 when it was included before. Handing in again is not an error, unless another " +
          "transaction has taken its nonce: TRANSACTION_CONFLICTED.",
        headers: IdempotencyHeaders,
        body: SubmitBody,
        response: { 200: refTo(TransactionSchema), 202: refTo(TransactionSchema), default: PROBLEM_RESPONSE },
      },
    },
    async (request, reply) => {
      const raw = hexToBytes(request.body.raw);
      const signed = await decodeTransactionWith(backend.recoverSenders, raw, engine.chainId);
      const { hash } = await backend.contracts.submit(signed, requestKeyOf(request));
      const status = statusOf(hash);
      if (status.status === "conflicted") throw transactionConflicted(hash, status.by);
      return reply.code(status.status === "pending" ? 202 : 200).send(await shown(status));
    },
  );

  server.get(
    "/transactions/:hash",
    {
      schema: {
        operationId: "getTransaction",
        tags: ["transactions"],
        summary: "What became of a transaction",
        description: "Fails with TRANSACTION_NOT_FOUND.",
        params: Type.Object({ hash: HashSchema }),
        response: { 200: refTo(TransactionSchema), default: PROBLEM_RESPONSE },
      },
    },
    ({ params }) => shown(statusOf(hashOf(params.hash))),
  );
}
