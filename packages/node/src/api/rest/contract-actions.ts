/** What is done to one contract: execute, call, publish its artifact. */

import { hexToBytes } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import type { ArtifactContent, ArtifactRecord } from "@counterpart/core/sync/artifact-types";
import type { FastifyRequest } from "fastify";
import Type from "typebox";
import type { ArgumentValue, FunctionCall, Publication } from "../../contracts/types.ts";
import { exactField } from "../body.ts";
import type { ApiContext, ApiInstance } from "../context.ts";
import { IdempotencyHeaders, requestKeyOf } from "../idempotency-key.ts";
import { amountText, toJson } from "../json.ts";
import { untilGone } from "../until-gone.ts";
import { codeSourceOf } from "./code-source.ts";
import {
  ArtifactBody,
  type ArtifactContentJson,
  type ArtifactRecordJson,
  CallBody,
  ContractSchema,
  contractToJson,
  ExecuteBody,
  LogSchema,
  logToJson,
} from "./contract-schemas.ts";
import { AddressParams, PendingSchema, pendingToJson } from "./contracts.ts";
import { addressOf, defined, HashSchema, HexSchema, hashOf, nullable, PROBLEM_RESPONSE, refTo } from "./schemas.ts";

const ExecutedSchema = Type.Object({
  transaction_hash: HashSchema,
  block_hash: HashSchema,
  block_number: Type.Integer(),
  status: Type.Enum(["success", "reverted"]),
  result: Type.Unknown({ description: "decoded return value; integers are decimal strings" }),
  logs: Type.Array(refTo(LogSchema)),
  confirmations: Type.Integer(),
});

const PublishedSchema = Type.Object({
  ...ContractSchema.properties,
  code_match: nullable(
    Type.Object(
      {
        match: Type.Enum(["exact", "except_metadata"], {
          description:
            "exact: every byte but immutables; except_metadata: the same instructions, of sources that may differ in " +
            "comments, names and paths",
        }),
        immutables: Type.Array(
          Type.Object({
            offsets: Type.Array(Type.Integer(), { description: "bytes from the start of the code" }),
            value: HexSchema,
          }),
          { description: "what creation filled in: not part of what was compared" },
        ),
      },
      { description: "what the compiled code that came with the request proved; null without any" },
    ),
  ),
});

function matchToJson(match: Publication["match"]) {
  if (match === undefined) return null;
  const immutables = match.immutables.map(({ offsets, value }) => ({ offsets: [...offsets], value }));
  return { match: match.match, immutables };
}

function functionCallOf(request: FastifyRequest, body: { readonly function: string; readonly from?: string }) {
  return defined({
    function: body.function,
    // The schema has made sure that params is an object or an array.
    params: exactField(request, "params") as FunctionCall["params"],
    from: body.from === undefined ? undefined : addressOf(body.from, "from"),
    value: exactField(request, "value"),
  }) satisfies FunctionCall;
}

export function registerContractActions(server: ApiInstance, context: ApiContext): void {
  registerExecute(server, context);
  registerCall(server, context);
  registerArtifact(server, context);
}

function registerExecute(server: ApiInstance, { backend }: ApiContext): void {
  server.post(
    "/contracts/:address/execute",
    {
      schema: {
        operationId: "executeContract",
        tags: ["contracts"],
        summary: "Execute a function that changes state",
        description:
          "Simulated first: a revert answers 422 EXECUTION_REVERTED with the decoded reason, and nothing is sent. 202 " +
          "when the transaction is not included within wait_ms, 409 TRANSACTION_CONFLICTED when another one of the sender " +
          "took its nonce.",
        params: AddressParams,
        headers: IdempotencyHeaders,
        body: ExecuteBody,
        response: { 200: ExecutedSchema, 202: refTo(PendingSchema), default: PROBLEM_RESPONSE },
      },
    },
    async (request, reply) => {
      const address = addressOf(request.params.address, "address");
      const call = functionCallOf(request, request.body);
      const { wait_ms: waitMs } = request.body;
      const key = requestKeyOf(request);
      const result = await backend.contracts.execute(address, call, waitMs, key, untilGone(reply));
      if (!result.included) return reply.code(202).send(pendingToJson({ ...result, address }));
      return reply.code(200).send({
        transaction_hash: result.transactionHash,
        block_hash: result.blockHash,
        block_number: result.blockNumber,
        status: result.status,
        result: toJson(result.result),
        logs: result.logs.map(logToJson),
        confirmations: result.confirmations,
      });
    },
  );
}

function registerCall(server: ApiInstance, { backend }: ApiContext): void {
  server.post(
    "/contracts/:address/call",
    {
      schema: {
        operationId: "callContract",
        tags: ["contracts"],
        summary: "Call a function and change nothing",
        params: AddressParams,
        body: CallBody,
        response: {
          200: Type.Object({ result: Type.Unknown({ description: "decoded; integers are decimal strings" }) }),
          default: PROBLEM_RESPONSE,
        },
      },
    },
    async (request) => {
      const address = addressOf(request.params.address, "address");
      return { result: toJson(await backend.contracts.call(address, functionCallOf(request, request.body))) };
    },
  );
}

function contentOf(body: ArtifactContentJson, cap: ArgumentValue | undefined): ArtifactContent {
  return defined({
    contractType: body.contract_type,
    name: body.name,
    symbol: body.symbol,
    decimals: body.decimals,
    cap: cap === undefined ? undefined : amountText(cap, "cap"),
    abi: body.abi,
  });
}

function creationNonceOf(value: ArtifactRecordJson["creation_nonce"]): bigint | undefined {
  return value === undefined || value === null ? undefined : BigInt(value);
}

/** Wallets end a signature with 27 or 28, a record with the bit itself: one record has one encoding. */
function signatureOf(text: string): Uint8Array {
  const signature = hexToBytes(text);
  const last = signature[64];
  if (last === 27 || last === 28) signature[64] = last - 27;
  return signature;
}

/** @throws CodedError `INVALID_HEX` */
function recordOf(address: ArtifactRecord["address"], json: ArtifactRecordJson): ArtifactRecord {
  return defined({
    address,
    codeHash: hashOf(json.code_hash),
    creationNonce: creationNonceOf(json.creation_nonce),
    updatedAt: json.updated_at,
    contentHash: hashOf(json.content_hash),
    signature: signatureOf(json.signature),
    content: hexToBytes(json.content),
  });
}

/** @throws CodedError `STALE_ARTIFACT`, `INVALID_ARTIFACT`, `CONTRACT_NOT_FOUND` */
async function putRecord({ backend }: ApiContext, record: ArtifactRecord): Promise<Publication> {
  const { address } = record;
  const outcome = await backend.contracts.putRecord(record);
  if (outcome === "older") throw new CodedError("STALE_ARTIFACT", "a newer artifact is already held", { address });
  if (outcome === "refused") {
    const message = "the record is not signed by the contract's owner, or speaks of another creation";
    throw new CodedError("INVALID_ARTIFACT", message, { address });
  }
  const view = await backend.contracts.get(address);
  if (outcome !== "unknown-contract") return { view };
  const { codeHash } = view.entry;
  throw new CodedError("INVALID_ARTIFACT", `the record is of other code than the contract's, ${codeHash}`, {
    address,
    code_hash: codeHash,
  });
}

function registerArtifact(server: ApiInstance, context: ApiContext): void {
  const { backend, certified } = context;
  server.put(
    "/contracts/:address/artifact",
    {
      schema: {
        operationId: "putArtifact",
        tags: ["contracts"],
        summary: "Publish what the owner says of a contract",
        description:
          "Content fields are signed here, where this node holds the owner's key; a record was signed elsewhere. An " +
          "empty content withdraws the artifact. An artifact of a tool, or a source, is held against the contract's code " +
          "first: its ABI and name are published, and the answer says what was proven. Fails with FROM_NOT_HELD, " +
          "INVALID_ARTIFACT, STALE_ARTIFACT, CODE_MISMATCH or COMPILATION_FAILED.",
        params: AddressParams,
        body: ArtifactBody,
        response: { 200: PublishedSchema, default: PROBLEM_RESPONSE },
      },
    },
    async (request) => {
      const address = addressOf(request.params.address, "address");
      const { body } = request;
      const publish = (content: ArtifactContentJson): Promise<Publication> =>
        backend.contracts.publish(address, contentOf(content, exactField(request, "cap")), codeSourceOf(content));
      const { view, match } = await ("record" in body
        ? putRecord(context, recordOf(address, body.record))
        : publish(body));
      return { ...contractToJson(view, certified), code_match: matchToJson(match) };
    },
  );
}
