/** Schemas of contracts: what is shown, and what requests carry. */

import Type, { type Static } from "typebox";
import type { ContractView, DecodedLog } from "../../contracts/types.ts";
import type { BlockMoment } from "../../engine/types.ts";
import type { Certified } from "../context.ts";
import { toJson } from "../json.ts";
import {
  AddressSchema,
  AmountSchema,
  CertifiedSchema,
  DecimalSchema,
  HashSchema,
  HexSchema,
  nullable,
  shownAddress,
  shownAddressOrNull,
  TimestampSchema,
  WaitSchema,
} from "./schemas.ts";

export const ContractSchema = Type.Object(
  {
    address: AddressSchema,
    owner: nullable(AddressSchema),
    contract_type: nullable(Type.String({ description: "as the owner's artifact says; null without artifact" })),
    name: nullable(Type.String()),
    symbol: nullable(Type.String()),
    decimals: nullable(Type.Integer()),
    cap: nullable(DecimalSchema),
    total_supply: nullable(DecimalSchema),
    abi: nullable(Type.Array(Type.Unknown())),
    code_hash: HashSchema,
    storage_root: HashSchema,
    nonce: Type.Integer(),
    balance: DecimalSchema,
    created_at: nullable(TimestampSchema),
    created_block: nullable(
      Type.Integer({ description: "null, as all that only execution tells, where the node took the state over" }),
    ),
    updated_at: nullable(TimestampSchema),
    updated_block: nullable(Type.Integer()),
    update_sequence: nullable(Type.Integer({ description: "how many canonical blocks changed account or storage" })),
    artifact_updated_at: nullable(TimestampSchema),
    state_hash: Type.String({ description: "keccak(rlp[address, nonce, balance, storage_root, code_hash])" }),
    artifact_hash: Type.String({ description: "hash of the artifact's content, or zero" }),
    integrity_hash: Type.String({ description: "keccak(state_hash ‖ artifact_hash)" }),
    checked: Type.Enum(["executed", "proven"], { description: "how this node knows the state" }),
    certified: CertifiedSchema,
    final: Type.Boolean(),
    confirmations: nullable(Type.Integer()),
  },
  { $id: "Contract" },
);

export type ContractJson = Static<typeof ContractSchema>;

const MILLISECONDS = 1000;

const shownTime = (moment: BlockMoment | undefined): number | null =>
  moment === undefined ? null : moment.timestamp * MILLISECONDS;

/** A contract as callers see it. Wide numbers are decimal strings, times milliseconds. */
export function contractToJson(view: ContractView, certified: Certified): ContractJson {
  const { entry, artifact } = view;
  return {
    address: shownAddress(entry.address),
    owner: shownAddressOrNull(entry.owner),
    contract_type: artifact?.contractType ?? null,
    name: artifact?.name ?? null,
    symbol: artifact?.symbol ?? null,
    decimals: artifact?.decimals ?? null,
    cap: artifact?.cap ?? null,
    total_supply: view.totalSupply ?? null,
    abi: artifact?.abi === undefined ? null : [...artifact.abi],
    code_hash: entry.codeHash,
    storage_root: view.storageRoot,
    nonce: Number(view.nonce),
    balance: view.balance.toString(),
    created_at: shownTime(entry.created),
    created_block: entry.created?.number ?? null,
    updated_at: shownTime(entry.updated),
    updated_block: entry.updated?.number ?? null,
    update_sequence: entry.updateSequence ?? null,
    artifact_updated_at: view.artifactUpdatedAt ?? null,
    state_hash: view.stateHash,
    artifact_hash: view.artifactHash,
    integrity_hash: view.integrityHash,
    checked: view.checked,
    certified,
    final: false,
    confirmations: view.confirmations ?? null,
  };
}

export const LogSchema = Type.Object(
  {
    address: AddressSchema,
    topics: Type.Array(HashSchema),
    data: HexSchema,
    event: nullable(Type.String({ description: "name by the ABI, where it has the event" })),
    args: nullable(Type.Unknown()),
  },
  { $id: "Log" },
);

export function logToJson({ log, event, args }: DecodedLog): Static<typeof LogSchema> {
  return {
    address: shownAddress(log.address),
    topics: [...log.topics],
    data: toJson(log.data) as string,
    event: event ?? null,
    args: toJson(args),
  };
}

const NAME_CHARACTERS_MAX = 256;
const AbiSchema = Type.Array(Type.Unknown(), { maxItems: 10_000, description: "JSON ABI" });
const FromSchema = Type.Unsafe<string>({
  ...AddressSchema,
  description: "an account that this node signs for; its own account when absent",
});
const ArgumentSchema = Type.Unknown({
  description: "a string, boolean, number (exact at any size), array, or object by component name",
});

const TokenBody = Type.Object(
  {
    contract_type: Type.Literal("token"),
    name: Type.String({ minLength: 1, maxLength: NAME_CHARACTERS_MAX }),
    symbol: Type.String({ minLength: 1, maxLength: 64 }),
    decimals: Type.Optional(Type.Integer({ minimum: 0, maximum: 255, default: 18 })),
    cap: Type.Optional(AmountSchema),
    total_supply: Type.Optional(
      Type.Union([...AmountSchema.anyOf], { description: "an alias of cap; both only if they are equal" }),
    ),
    initial_supply: Type.Optional(AmountSchema),
    from: Type.Optional(FromSchema),
    wait_ms: Type.Optional(WaitSchema),
  },
  {
    additionalProperties: false,
    title: "Token",
    description: "ERC-20",
    examples: [{ contract_type: "token", name: "TestToken", symbol: "TEST", decimals: 18, cap: "1000000" }],
  },
);

const CustomBody = Type.Object(
  {
    contract_type: Type.Literal("custom"),
    name: Type.Optional(Type.String({ maxLength: NAME_CHARACTERS_MAX })),
    symbol: Type.Optional(Type.String({ maxLength: 64 })),
    bytecode: Type.String({ description: "creation code, hexadecimal, without constructor arguments" }),
    abi: AbiSchema,
    args: Type.Optional(Type.Array(ArgumentSchema, { maxItems: 256, description: "constructor arguments" })),
    value: Type.Optional(AmountSchema),
    from: Type.Optional(FromSchema),
    wait_ms: Type.Optional(WaitSchema),
  },
  { additionalProperties: false, title: "Custom", description: "any EVM bytecode with its ABI" },
);

export const DeployBody = Type.Union([TokenBody, CustomBody], { discriminator: { propertyName: "contract_type" } });
export type DeployBodyJson = Static<typeof DeployBody>;

const ParamsSchema = Type.Union(
  [
    Type.Record(Type.String(), ArgumentSchema, { description: "by ABI name" }),
    Type.Array(ArgumentSchema, { maxItems: 256, description: "by position" }),
  ],
  { examples: [{ to: "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", amount: 1000 }] },
);

const callFields = {
  function: Type.String({
    minLength: 1,
    maxLength: 1024,
    description: "a name, or a full signature such as transfer(address,uint256)",
    examples: ["mint"],
  }),
  params: Type.Optional(ParamsSchema),
  from: Type.Optional(FromSchema),
  value: Type.Optional(AmountSchema),
};

export const CallBody = Type.Object(callFields, { additionalProperties: false });
export const ExecuteBody = Type.Object(
  { ...callFields, wait_ms: Type.Optional(WaitSchema) },
  { additionalProperties: false },
);

const ArtifactContentBody = Type.Object(
  {
    contract_type: Type.Optional(Type.String({ maxLength: 32 })),
    name: Type.Optional(Type.String({ maxLength: NAME_CHARACTERS_MAX })),
    symbol: Type.Optional(Type.String({ maxLength: 64 })),
    decimals: Type.Optional(Type.Integer({ minimum: 0, maximum: 255 })),
    cap: Type.Optional(AmountSchema),
    abi: Type.Optional(AbiSchema),
  },
  { additionalProperties: false, title: "Content", description: "signed here with the owner's key" },
);

const ArtifactRecordBody = Type.Object(
  {
    record: Type.Object(
      {
        code_hash: HashSchema,
        creation_nonce: Type.Optional(nullable(Type.Union([DecimalSchema, Type.Integer({ minimum: 0 })]))),
        updated_at: TimestampSchema,
        content_hash: HashSchema,
        signature: Type.String({
          pattern: "^0x[0-9a-fA-F]{130}$",
          description: "r ‖ s ‖ recovery bit (0 or 1; 27 and 28 are read as such)",
        }),
        content: Type.Unsafe<string>({ ...HexSchema, description: "canonical content, hexadecimal" }),
      },
      { additionalProperties: false },
    ),
  },
  { additionalProperties: false, title: "Record", description: "signed elsewhere by the contract's owner" },
);

export const ArtifactBody = Type.Union([ArtifactContentBody, ArtifactRecordBody]);
export type ArtifactRecordJson = Static<typeof ArtifactRecordBody>["record"];
export type ArtifactContentJson = Static<typeof ArtifactContentBody>;
