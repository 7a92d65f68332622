/** Blocks of the canonical chain. */

import { bytesToHex, type Hex } from "@counterpart/core/base/bytes";
import { CodedError, isCodedError } from "@counterpart/core/base/errors";
import { type AnyDecodedBlock, encodeAnyBlock, toAnyBlock } from "@counterpart/core/chain/any-block";
import Type, { type Static } from "typebox";
import { createPatientPacer } from "../../engine/pacer.ts";
import { FETCHED_BLOCKS_DEPTH } from "../../engine/remote-bodies.ts";
import type { ChainEngine } from "../../engine/types.ts";
import type { ApiContext, ApiInstance, Certified } from "../context.ts";
import { fetchedBlock } from "../state.ts";
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
  TimestampSchema,
} from "./schemas.ts";

const LIST_DEFAULT = 20;
const LIST_MAX = 100;
/** As long as blocks of one page are fetched. */
const LIST_MS_MAX = 10_000;

const BlockSchema = Type.Object(
  {
    number: Type.Integer(),
    hash: HashSchema,
    parent_hash: HashSchema,
    timestamp: TimestampSchema,
    sealer: AddressSchema,
    state_root: HashSchema,
    transactions_root: HashSchema,
    receipts_root: HashSchema,
    difficulty: DecimalSchema,
    gas_limit: Type.Integer({
      description: "above 2^53 - 1, which only chains sealed elsewhere have, the nearest number there is",
    }),
    gas_used: Type.Integer(),
    base_fee_per_gas: DecimalSchema,
    extra_data: HexSchema,
    size: Type.Integer({ description: "bytes" }),
    transaction_count: Type.Integer(),
    transactions: Type.Array(HashSchema),
    certified: CertifiedSchema,
    final: Type.Boolean(),
    confirmations: Type.Integer({ description: "1 for the head" }),
  },
  { $id: "Block" },
);

const BlockListSchema = Type.Object({
  blocks: Type.Array(refTo(BlockSchema), { description: "highest first" }),
  next_before: nullable(Type.Integer({ description: "pass as before for the next page; null after the genesis" })),
});

const ListQuery = Type.Object(
  {
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIST_MAX, default: LIST_DEFAULT })),
    before: Type.Optional(Type.Integer({ minimum: 0, description: "only blocks below this number" })),
  },
  { additionalProperties: false },
);

const BlockParams = Type.Object({
  block: Type.String({
    pattern: "^(latest|\\d{1,15}|0x[0-9a-fA-F]{64})$",
    description: "a number, a hash, or latest",
  }),
});

function blockToJson(block: AnyDecodedBlock, headNumber: number, certified: Certified): Static<typeof BlockSchema> {
  const { header, transactions } = block;
  return {
    number: header.number,
    hash: header.hash,
    parent_hash: header.parentHash,
    timestamp: header.timestamp * 1000,
    sealer: shownAddress(header.coinbase),
    state_root: header.stateRoot,
    transactions_root: header.transactionsRoot,
    receipts_root: header.receiptsRoot,
    difficulty: header.difficulty.toString(),
    gas_limit: Number(header.gasLimit),
    gas_used: header.gasUsed,
    base_fee_per_gas: (header.baseFeePerGas ?? 0n).toString(),
    extra_data: bytesToHex(header.extraData),
    size: encodeAnyBlock(toAnyBlock(block)).length,
    transaction_count: transactions.length,
    transactions: transactions.map(({ hash }) => hash),
    certified,
    final: false,
    confirmations: headNumber - header.number + 1,
  };
}

/** What a caller means by a number, a hash or `latest`. */
export function placeOf(text: string, engine: ChainEngine): number | Hex {
  if (text === "latest") return engine.head().hash;
  return text.startsWith("0x") ? hashOf(text) : Number(text);
}

/** Below it only headers are known, but for the genesis, and no peer is asked for the rest. */
function lowestBody(engine: ChainEngine): number {
  if (engine.adopted === 0) return 0;
  return Math.min(engine.adopted + 1, Math.max(0, engine.head().number - FETCHED_BLOCKS_DEPTH + 1));
}

/** Undefined where the list ends: no peer gives what is lacking, or it was waited for long enough. */
async function listedBlock(engine: ChainEngine, number: number, isLate: boolean): Promise<AnyDecodedBlock | undefined> {
  const held = engine.block(number);
  if (held !== undefined || isLate) return held;
  try {
    return await fetchedBlock(engine, number);
  } catch (error) {
    if (isCodedError(error, "NOT_HELD") || isCodedError(error, "PRUNED")) return undefined;
    throw error;
  }
}

export function registerBlocks(server: ApiInstance, { backend, clock, certified }: ApiContext): void {
  const { engine } = backend;
  server.addSchema(BlockSchema);

  server.get(
    "/blocks",
    {
      schema: {
        operationId: "listBlocks",
        tags: ["blocks"],
        summary: "Blocks, highest first, as far down as this node has them, or peers give those near the head",
        querystring: ListQuery,
        response: { 200: BlockListSchema, default: PROBLEM_RESPONSE },
      },
    },
    async ({ query }) => {
      const head = engine.head().number;
      const top = Math.min(head, (query.before ?? head + 1) - 1);
      const bottom = Math.max(lowestBody(engine) - 1, top - (query.limit ?? LIST_DEFAULT));
      const pause = createPatientPacer(clock);
      const blocks: Static<typeof BlockSchema>[] = [];
      const untilMs = clock.now() + LIST_MS_MAX;
      let number = top;
      for (; number > bottom; number--) {
        const block = await listedBlock(engine, number, clock.now() >= untilMs);
        if (block === undefined) break;
        blocks.push(blockToJson(block, head, certified));
        await pause();
      }
      // Where it was late, or a peer was lost, the next page goes on.
      const isLast = number < lowestBody(engine) || blocks.length === 0;
      return { blocks, next_before: isLast ? null : number + 1 };
    },
  );

  server.get(
    "/blocks/:block",
    {
      schema: {
        operationId: "getBlock",
        tags: ["blocks"],
        summary: "One block of the canonical chain",
        description:
          "Fails with BLOCK_NOT_FOUND; where this node knows the header alone, with NOT_HELD when no peer gives the " +
          "rest, PRUNED when the block is far below the head.",
        params: BlockParams,
        response: { 200: refTo(BlockSchema), default: PROBLEM_RESPONSE },
      },
    },
    async ({ params }) => {
      const block = await fetchedBlock(engine, placeOf(params.block, engine));
      if (block !== undefined) return blockToJson(block, engine.head().number, certified);
      throw new CodedError("BLOCK_NOT_FOUND", `there is no block ${params.block} on the canonical chain`, {
        block: params.block,
      });
    },
  );
}
