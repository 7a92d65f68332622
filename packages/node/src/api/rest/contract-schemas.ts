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

const ProxySchema = Type.Object(
  {
    kind: Type.Enum(["erc1967", "erc1967_beacon", "erc1167"]),
    implementation: AddressSchema,
    implementation_name: nullable(Type.String()),
    implementation_abi: nullable(
      Type.Array(Type.Unknown(), {
        description:
          "as the implementation's owner published it; null in lists. Its functions can be called here by name",
      }),
    ),
    beacon: nullable(AddressSchema),
    admin: nullable(AddressSchema),
  },
  { description: "whose code the contract runs, where it delegates to another one; else null" },
);

export const ContractSchema = Type.Object(
  {
    address: AddressSchema,
    owner: nullable(AddressSchema),
    contract_type: nullable(Type.String({ description: "as the owner's artifact says; null without artifact" })),
    name: nullable(Type.String()),
    symbol: nullable(Type.String()),
    decimals: nullable(Type.Integer()),
    cap: nullable(DecimalSchema),
    total_supply: nullable(
      Type.String({
        pattern: "^\\d+$",
        description: "what totalSupply() answers, in base units; null where the ABI has no such function",
      }),
    ),
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
    proxy: nullable(ProxySchema),
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

function proxyToJson(proxy: ContractView["proxy"], inList: boolean): ContractJson["proxy"] {
  if (proxy === undefined) return null;
  const { kind, implementation, beacon, admin, artifact } = proxy;
  return {
    kind,
    implementation: shownAddress(implementation),
    implementation_name: artifact?.name ?? null,
    implementation_abi: inList || artifact?.abi === undefined ? null : [...artifact.abi],
    beacon: shownAddressOrNull(beacon),
    admin: shownAddressOrNull(admin),
  };
}

/** A contract as callers see it. Wide numbers are decimal strings, times milliseconds. */
export function contractToJson(view: ContractView, certified: Certified, inList = false): ContractJson {
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
    proxy: proxyToJson(view.proxy, inList),
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
const fromSchema = (description: string) => Type.Unsafe<string>({ ...AddressSchema, description });
const DeployerSchema = fromSchema("an account that this node signs for; its own account when absent");
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
    from: Type.Optional(DeployerSchema),
    wait_ms: Type.Optional(WaitSchema),
  },
  {
    additionalProperties: false,
    title: "Token",
    description: "ERC-20",
    examples: [{ contract_type: "token", name: "TestToken", symbol: "TEST", decimals: 18, cap: "1000000" }],
  },
);

const NftBody = Type.Object(
  {
    contract_type: Type.Literal("nft"),
    name: Type.String({ minLength: 1, maxLength: NAME_CHARACTERS_MAX }),
    symbol: Type.String({ minLength: 1, maxLength: 64 }),
    base_uri: Type.Optional(
      Type.String({ maxLength: 2_048, description: "comes before the numbers of tokens without a URI of their own" }),
    ),
    cap: Type.Optional(AmountSchema),
    from: Type.Optional(DeployerSchema),
    wait_ms: Type.Optional(WaitSchema),
  },
  {
    additionalProperties: false,
    title: "Nft",
    description: "ERC-721",
    examples: [{ contract_type: "nft", name: "TestCards", symbol: "CARD", base_uri: "https://example.org/cards/" }],
  },
);

const CODE_FIELDS_MAX = 256;
/** A contract's code as people have it. */
const codeFields = {
  artifact: Type.Optional(
    Type.Record(Type.String(), Type.Unknown(), {
      description: "of Hardhat or Foundry, or a contract of solc's standard JSON output",
    }),
  ),
  source: Type.Optional(Type.String({ description: "Solidity, one file" })),
  sources: Type.Optional(
    Type.Record(Type.String({ maxLength: 512 }), Type.String(), {
      maxProperties: CODE_FIELDS_MAX,
      description: "Solidity, text by the path that it is imported by",
    }),
  ),
  contract: Type.Optional(
    Type.String({
      maxLength: 512,
      description: "which of a source's contracts: a name, path:name, or a path, for the one with code in that file",
    }),
  ),
  optimizer_runs: Type.Optional(Type.Integer({ minimum: 1, maximum: 4_294_967_295, default: 200 })),
  via_ir: Type.Optional(Type.Boolean({ default: false })),
  libraries: Type.Optional(
    Type.Record(Type.String(), AddressSchema, {
      maxProperties: CODE_FIELDS_MAX,
      description: "addresses of libraries to link with, by name or path:name",
    }),
  ),
};

const CustomBody = Type.Object(
  {
    contract_type: Type.Literal("custom"),
    name: Type.Optional(Type.String({ maxLength: NAME_CHARACTERS_MAX })),
    symbol: Type.Optional(Type.String({ maxLength: 64 })),
    bytecode: Type.Optional(
      Type.String({ description: "creation code, hexadecimal, without constructor arguments; with abi" }),
    ),
    abi: Type.Optional(AbiSchema),
    ...codeFields,
    args: Type.Optional(Type.Array(ArgumentSchema, { maxItems: 256, description: "constructor arguments" })),
    value: Type.Optional(AmountSchema),
    from: Type.Optional(DeployerSchema),
    wait_ms: Type.Optional(WaitSchema),
  },
  {
    additionalProperties: false,
    title: "Custom",
    description: "any EVM bytecode with its ABI, a tool's artifact, or Solidity source",
  },
);

export const DeployBody = Type.Union([TokenBody, NftBody, CustomBody], {
  discriminator: { propertyName: "contract_type" },
});
export type DeployBodyJson = Static<typeof DeployBody>;

const ParamsSchema = Type.Union([
  Type.Record(Type.String(), ArgumentSchema, { description: "by ABI name" }),
  Type.Array(ArgumentSchema, { maxItems: 256, description: "by position" }),
]);

const HOLDER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";

const callFields = {
  function: Type.String({
    minLength: 1,
    maxLength: 1024,
    description: "a name, or a full signature such as transfer(address,uint256)",
  }),
  params: Type.Optional(ParamsSchema),
  value: Type.Optional(AmountSchema),
};

export const CallBody = Type.Object(
  { ...callFields, from: Type.Optional(fromSchema("any account; the contract's owner when absent")) },
  { additionalProperties: false, examples: [{ function: "balanceOf", params: { account: HOLDER } }] },
);
export const ExecuteBody = Type.Object(
  {
    ...callFields,
    from: Type.Optional(fromSchema("an account that this node signs for; the contract's owner when absent")),
    wait_ms: Type.Optional(WaitSchema),
  },
  { additionalProperties: false, examples: [{ function: "mint", params: { to: HOLDER, amount: 1000 } }] },
);

const contentFields = {
  contract_type: Type.Optional(Type.String({ maxLength: 32 })),
  name: Type.Optional(Type.String({ maxLength: NAME_CHARACTERS_MAX })),
  symbol: Type.Optional(Type.String({ maxLength: 64 })),
  decimals: Type.Optional(Type.Integer({ minimum: 0, maximum: 255 })),
  cap: Type.Optional(AmountSchema),
  abi: Type.Optional(AbiSchema),
};

const ArtifactContentBody = Type.Object(contentFields, {
  additionalProperties: false,
  title: "Content",
  description: "signed here with the owner's key",
});

const ArtifactCodeBody = Type.Object(
  { ...contentFields, ...codeFields },
  {
    additionalProperties: false,
    title: "Content with code",
    description: "signed here with the owner's key, if the code that comes with it is the contract's",
  },
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

export const ArtifactBody = Type.Union([ArtifactContentBody, ArtifactCodeBody, ArtifactRecordBody], {
  examples: [{ name: "TestToken", symbol: "TEST", decimals: 18 }],
});
export type ArtifactRecordJson = Static<typeof ArtifactRecordBody>["record"];
export type ArtifactContentJson = Static<typeof ArtifactCodeBody>;
