/** Contracts: list, show, balance, deploy. */

import { type Hex, isHex } from "@counterpart/core/base/bytes";
import { CodedError, isCodedError } from "@counterpart/core/base/errors";
import type { FastifyRequest } from "fastify";
import Type from "typebox";
import type { DeployRequest, SendResult } from "../../contracts/types.ts";
import { exactField } from "../body.ts";
import type { ApiContext, ApiInstance } from "../context.ts";
import { IdempotencyHeaders, requestKeyOf } from "../idempotency-key.ts";
import { sameAmount } from "../json.ts";
import { untilGone } from "../until-gone.ts";
import { codeSourceOf } from "./code-source.ts";
import { ContractSchema, contractToJson, DeployBody, type DeployBodyJson, LogSchema } from "./contract-schemas.ts";
import {
  AddressSchema,
  addressOf,
  DecimalSchema,
  defined,
  HashSchema,
  nullable,
  PROBLEM_RESPONSE,
  refTo,
  shownAddress,
  shownAddressOrNull,
} from "./schemas.ts";

const LIST_DEFAULT = 50;
const LIST_MAX = 200;

const ListQuery = Type.Object(
  {
    owner: Type.Optional(AddressSchema),
    type: Type.Optional(Type.String({ maxLength: 64 })),
    name: Type.Optional(Type.String({ maxLength: 256 })),
    since: Type.Optional(
      Type.String({ maxLength: 256, description: "the since of an earlier answer: only what changed after it" }),
    ),
    cursor: Type.Optional(Type.String({ maxLength: 256, description: "the cursor of the page before" })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIST_MAX, default: LIST_DEFAULT })),
    include_genesis: Type.Optional(Type.Boolean({ description: "also the contracts of the genesis" })),
  },
  { additionalProperties: false },
);

const ContractListSchema = Type.Object({
  contracts: Type.Array(refTo(ContractSchema)),
  cursor: nullable(Type.String({ description: "null on the last page" })),
  since: Type.String(),
});

const DeployedSchema = Type.Object({
  address: AddressSchema,
  transaction_hash: HashSchema,
  block_hash: HashSchema,
  contract: refTo(ContractSchema),
});

const DeployRevertedSchema = Type.Object({
  transaction_hash: HashSchema,
  block_hash: HashSchema,
  status: Type.Enum(["reverted"]),
});

export const PendingSchema = Type.Object(
  {
    transaction_hash: HashSchema,
    status: Type.Enum(["pending"]),
    address: nullable(AddressSchema),
    reason: nullable(
      Type.String({
        description:
          "why it cannot be included at present, as an error code; INSUFFICIENT_FUNDS may be about an earlier pending " +
          "transaction of the sender, which holds up those after it",
      }),
    ),
  },
  { $id: "Pending", description: "not included yet: ask GET transactions/{hash}" },
);

type Pending = Extract<SendResult, { included: false }>;

export const AddressParams = Type.Object({ address: AddressSchema });

export function pendingToJson({ transactionHash, address, reason }: Omit<Pending, "included">) {
  return {
    transaction_hash: transactionHash,
    status: "pending" as const,
    address: shownAddressOrNull(address),
    reason: reason ?? null,
  };
}

/** `total_supply` is taken for `cap`, and refused when both are given and differ. */
function capOf(request: FastifyRequest) {
  const cap = exactField(request, "cap");
  const alias = exactField(request, "total_supply");
  if (cap !== undefined && alias !== undefined && !sameAmount(cap, alias)) {
    throw new CodedError("INVALID_REQUEST", "total_supply is an alias of cap, and the two differ", {
      field: "total_supply",
    });
  }
  return cap ?? alias;
}

/** @throws CodedError `INVALID_BYTECODE` */
function bytecodeOf(text: string): Hex {
  const prefixed = text.startsWith("0x") ? text : `0x${text}`;
  if (isHex(prefixed) && prefixed.length > 2) return prefixed.toLowerCase() as Hex;
  throw new CodedError("INVALID_BYTECODE", "bytecode is empty or not hexadecimal (are libraries linked?)", {
    field: "bytecode",
  });
}

function deployRequestOf(request: FastifyRequest, body: DeployBodyJson): DeployRequest {
  const common = {
    from: body.from === undefined ? undefined : addressOf(body.from, "from"),
    waitMs: body.wait_ms,
  };
  if (body.contract_type === "token") {
    return defined({
      ...common,
      contractType: body.contract_type,
      name: body.name,
      symbol: body.symbol,
      decimals: body.decimals,
      cap: capOf(request),
      initialSupply: exactField(request, "initial_supply"),
    });
  }
  if (body.contract_type === "nft") {
    return defined({
      ...common,
      contractType: body.contract_type,
      name: body.name,
      symbol: body.symbol,
      baseUri: body.base_uri,
      cap: exactField(request, "cap"),
    });
  }
  const args = exactField(request, "args");
  return defined({
    ...common,
    contractType: body.contract_type,
    name: body.name,
    symbol: body.symbol,
    args: Array.isArray(args) ? args : undefined,
    value: exactField(request, "value"),
    ...codeOf(body),
  });
}

/** Code and ABI, or where they are to be had from. @throws CodedError `INVALID_REQUEST`, `INVALID_BYTECODE` */
function codeOf(body: Extract<DeployBodyJson, { contract_type: "custom" }>) {
  const code = codeSourceOf(body);
  const { bytecode, abi } = body;
  const refuse = (field: string, reason: string): never => {
    throw new CodedError("INVALID_REQUEST", `body.${field} ${reason}`, { field });
  };
  if (code !== undefined) {
    for (const field of ["bytecode", "abi"] as const) {
      if (body[field] !== undefined) refuse(field, `is what the ${code.kind} gives`);
    }
    return { code };
  }
  if (bytecode === undefined) return refuse("bytecode", "is required, with abi, where no artifact or source is given");
  return { bytecode: bytecodeOf(bytecode), abi: abi ?? refuse("abi", "is required") };
}

export function registerContracts(server: ApiInstance, context: ApiContext): void {
  server.addSchema(ContractSchema);
  server.addSchema(LogSchema);
  server.addSchema(PendingSchema);
  registerList(server, context);
  registerShow(server, context);
  registerDeploy(server, context);
}

function registerList(server: ApiInstance, { backend, certified }: ApiContext): void {
  server.get(
    "/contracts",
    {
      schema: {
        operationId: "listContracts",
        tags: ["contracts"],
        summary: "Contracts on the chain, by filters, in pages",
        querystring: ListQuery,
        response: { 200: ContractListSchema, default: PROBLEM_RESPONSE },
      },
    },
    async ({ query }) => {
      const page = await backend.contracts.list(
        defined({
          owner: query.owner === undefined ? undefined : addressOf(query.owner, "owner"),
          type: query.type,
          name: query.name,
          since: query.since,
          cursor: query.cursor,
          limit: query.limit ?? LIST_DEFAULT,
          genesis: query.include_genesis,
        }),
      );
      return {
        contracts: page.contracts.map((view) => contractToJson(view, certified, true)),
        cursor: page.cursor ?? null,
        since: page.since,
      };
    },
  );
}

function registerShow(server: ApiInstance, { backend, certified }: ApiContext): void {
  server.get(
    "/contracts/:address",
    {
      schema: {
        operationId: "getContract",
        tags: ["contracts"],
        summary: "One contract",
        description: "Fails with CONTRACT_NOT_FOUND.",
        params: AddressParams,
        response: { 200: refTo(ContractSchema), default: PROBLEM_RESPONSE },
      },
    },
    async ({ params }) => contractToJson(await backend.contracts.get(addressOf(params.address, "address")), certified),
  );

  server.get(
    "/contracts/:address/balance/:wallet",
    {
      schema: {
        operationId: "getContractBalance",
        tags: ["contracts"],
        summary: "Balance of a wallet, as the contract's balanceOf(address) says",
        description: "Fails with CONTRACT_NOT_FOUND or BALANCE_UNAVAILABLE.",
        params: Type.Object({ address: AddressSchema, wallet: AddressSchema }),
        response: { 200: Type.Object({ balance: DecimalSchema }), default: PROBLEM_RESPONSE },
      },
    },
    async ({ params }) => {
      const address = addressOf(params.address, "address");
      const balance = await backend.contracts.balance(address, addressOf(params.wallet, "wallet"));
      return { balance: balance.toString() };
    },
  );
}

/** The deployed contract, or undefined when a reorganisation has already taken its block away again. */
async function deployedView({ backend }: ApiContext, address: Hex) {
  try {
    return await backend.contracts.get(address);
  } catch (error) {
    if (isCodedError(error, "CONTRACT_NOT_FOUND")) return undefined;
    throw error;
  }
}

function registerDeploy(server: ApiInstance, context: ApiContext): void {
  const { backend, certified } = context;
  server.post(
    "/contracts",
    {
      schema: {
        operationId: "deployContract",
        tags: ["contracts"],
        summary: "Deploy a contract",
        description:
          "201 when it is included; 202 when it is not within wait_ms; 200 when its constructor reverted only when it " +
          "was sealed. A deployment that reverts at once answers 422 and sends nothing. 409 TRANSACTION_CONFLICTED when " +
          "another transaction of the sender took the nonce meanwhile.",
        headers: IdempotencyHeaders,
        body: DeployBody,
        response: {
          200: DeployRevertedSchema,
          201: DeployedSchema,
          202: refTo(PendingSchema),
          default: PROBLEM_RESPONSE,
        },
      },
    },
    async (request, reply) => {
      const deployment = deployRequestOf(request, request.body);
      const result = await backend.contracts.deploy(deployment, requestKeyOf(request), untilGone(reply));
      if (!result.included) return reply.code(202).send(pendingToJson(result));
      if (result.status === "reverted" || result.address === undefined) {
        return reply.code(200).send({
          transaction_hash: result.transactionHash,
          block_hash: result.blockHash,
          status: "reverted" as const,
        });
      }
      const view = await deployedView(context, result.address);
      if (view === undefined) return reply.code(202).send(pendingToJson(result));
      return reply
        .code(201)
        .header("location", `/api/v1/contracts/${shownAddress(result.address)}`)
        .send({
          address: shownAddress(result.address),
          transaction_hash: result.transactionHash,
          block_hash: result.blockHash,
          contract: contractToJson(view, certified),
        });
    },
  );
}
