/** Proofs of accounts and slots at recent blocks, with the header that they start from. */

import { bytesToHex, type Hex } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { encodeAnyHeader } from "@counterpart/core/chain/any-header";
import Type, { type Static } from "typebox";
import { proveAccount } from "../../engine/account-proof.ts";
import type { ChainEngine } from "../../engine/types.ts";
import type { ApiContext, ApiInstance } from "../context.ts";
import { canonicalHeader, EMPTY_ACCOUNT } from "../state.ts";
import { placeOf } from "./blocks.ts";
import {
  AddressSchema,
  addressOf,
  CertifiedSchema,
  DecimalSchema,
  HashSchema,
  HexSchema,
  PROBLEM_RESPONSE,
  refTo,
  shownAddress,
} from "./schemas.ts";

/** Slots in the query of one request; many more would not fit into a URL anyway. */
const SLOTS_MAX = 128;

const NodesSchema = Type.Array(HexSchema, { description: "nodes from the root down, as EIP-1186 has them" });

const ProofSchema = Type.Object(
  {
    address: AddressSchema,
    exists: Type.Boolean({ description: "false: the proof shows that there is no such account" }),
    nonce: DecimalSchema,
    balance: DecimalSchema,
    code_hash: HashSchema,
    storage_root: HashSchema,
    account_proof: NodesSchema,
    storage_proof: Type.Array(Type.Object({ slot: HashSchema, value: DecimalSchema, proof: NodesSchema }), {
      description: "the slots asked for, in that order; value 0: the proof shows that there is none",
    }),
    block_hash: HashSchema,
    block_number: Type.Integer(),
    state_root: HashSchema,
    header: Type.Unsafe<Hex>({ ...HexSchema, description: "RLP of the block's header: its keccak is block_hash" }),
    certified: CertifiedSchema,
    confirmations: Type.Integer({ description: "1 for the head" }),
  },
  { $id: "Proof" },
);

const ProofQuery = Type.Object(
  {
    slots: Type.Optional(
      Type.String({
        pattern: "^0x[0-9a-fA-F]{1,64}(,0x[0-9a-fA-F]{1,64})*$",
        maxLength: SLOTS_MAX * 67,
        description: `storage keys, at most ${SLOTS_MAX}, separated by commas`,
      }),
    ),
    block: Type.Optional(
      Type.String({
        pattern: "^(latest|\\d{1,15}|0x[0-9a-fA-F]{64})$",
        description: "a number, a hash, or latest, which is the default",
      }),
    ),
  },
  { additionalProperties: false },
);

function slotsOf(text: string | undefined): Hex[] {
  const slots = text === undefined ? [] : text.split(",");
  if (slots.length > SLOTS_MAX) {
    throw new CodedError("INVALID_REQUEST", `slots: at most ${SLOTS_MAX} at a time`, { field: "slots" });
  }
  return slots.map((slot): Hex => `0x${slot.slice(2).toLowerCase().padStart(64, "0")}`);
}

function proofOf(engine: ChainEngine, address: Hex, { slots, block = "latest" }: Static<typeof ProofQuery>) {
  const header = canonicalHeader(engine, placeOf(block, engine));
  if (header === undefined) {
    throw new CodedError("BLOCK_NOT_FOUND", `there is no block ${block} on the canonical chain`, { block });
  }
  const proof = proveAccount(engine.stateAt(header.hash, "caller"), address, slotsOf(slots));
  const { nonce, balance, codeHash, storageRoot } = proof.account ?? EMPTY_ACCOUNT;
  return {
    address: shownAddress(address),
    exists: proof.account !== undefined,
    nonce: nonce.toString(),
    balance: balance.toString(),
    code_hash: codeHash,
    storage_root: storageRoot,
    account_proof: proof.accountProof.map(bytesToHex),
    storage_proof: proof.storage.map((entry) => ({
      slot: entry.slot,
      value: entry.value.toString(),
      proof: entry.proof.map(bytesToHex),
    })),
    block_hash: header.hash,
    block_number: header.number,
    state_root: header.stateRoot,
    header: bytesToHex(encodeAnyHeader(header)),
    confirmations: engine.head().number - header.number + 1,
  };
}

export function registerProof(server: ApiInstance, { backend, certified }: ApiContext): void {
  server.addSchema(ProofSchema);
  server.get(
    "/contracts/:address/proof",
    {
      schema: {
        operationId: "getContractProof",
        tags: ["contracts"],
        summary: "Proof of a contract's account and storage at a recent block",
        description:
          "Whoever trusts the header needs to trust nothing else: the nodes prove the account, each slot, or their " +
          "absence (EIP-1186). Any address will do, of a contract or not. Fails with BLOCK_NOT_FOUND, or with PRUNED " +
          "for a block more than 256 blocks and 15 minutes ago.",
        params: Type.Object({ address: AddressSchema }),
        querystring: ProofQuery,
        response: { 200: refTo(ProofSchema), default: PROBLEM_RESPONSE },
      },
    },
    async ({ params, query }) => ({
      ...proofOf(backend.engine, addressOf(params.address, "address"), query),
      certified,
    }),
  );
}
