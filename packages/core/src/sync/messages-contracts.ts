/** Encodings of the messages that carry contracts, artifacts and code. */

import { hexToBytes } from "../base/bytes.ts";
import {
  asBigInt,
  asBoolean,
  asBytes,
  asList,
  asListMax,
  asNumber,
  type RlpInput,
  type RlpItem,
  rlpBigInt,
  rlpBoolean,
  rlpNumber,
} from "../codec/rlp.ts";
import { artifactFromRlp, artifactToRlp } from "./artifact.ts";
import {
  address,
  blockRef,
  type Codec,
  envelope,
  hash,
  KIND_BYTES,
  optional,
  printable,
  readKind,
  rlpBlockRef,
  rlpEnvelope,
  rlpOptional,
  rlpText,
} from "./fields.ts";
import { BLOBS_MAX, CONTRACTS_MAX, FRAME_BYTES_MAX } from "./limits.ts";
import type {
  BlobsMessage,
  ContractAccount,
  ContractsMessage,
  GetBlobsMessage,
  GetContractsMessage,
  NewContractMessage,
  UpdateContractMessage,
} from "./message-types.ts";

const INSTANCE_BYTES_MAX = 64;

export const getContractsCodec: Codec<GetContractsMessage> = {
  fields: 2,
  itemsMax: CONTRACTS_MAX + 8,
  encode: (m) =>
    m.kind === "since"
      ? [KIND_BYTES.first, [rlpText(m.instanceId), rlpNumber(m.sequence), rlpNumber(m.inlineBytesMax)]]
      : [KIND_BYTES.second, m.addresses.map(hexToBytes)],
  decode: ([kind, query]) => {
    if (readKind(kind) === "second") {
      const addresses = asListMax(query, "addresses", CONTRACTS_MAX).map((value) => address(value, "address"));
      return { type: "GetContracts", kind: "addresses", addresses };
    }
    const [instance, sequence, inline] = asList(query, "since", 3);
    return {
      type: "GetContracts",
      kind: "since",
      instanceId: printable(instance, "instance id", INSTANCE_BYTES_MAX),
      sequence: asNumber(sequence, "sequence"),
      inlineBytesMax: asNumber(inline, "inline bytes"),
    };
  },
};

/** Items of one envelope, its optional fields included. */
const ENVELOPE_ITEMS = 10;

const rlpAccount = ({ address: at, account, artifact }: ContractAccount): RlpInput => [
  hexToBytes(at),
  account === undefined
    ? []
    : [
        rlpBigInt(account.nonce),
        rlpBigInt(account.balance),
        hexToBytes(account.storageRoot),
        hexToBytes(account.codeHash),
      ],
  rlpOptional(artifact === undefined ? undefined : rlpEnvelope(artifact)),
];

function readAccountFields(item: RlpItem | undefined): ContractAccount["account"] {
  const fields = asList(item, "account");
  if (fields.length === 0) return undefined;
  const [nonce, balance, storageRoot, codeHash] = asList(item, "account", 4);
  return {
    nonce: asBigInt(nonce, "nonce", 64),
    balance: asBigInt(balance, "balance"),
    storageRoot: hash(storageRoot, "storage root"),
    codeHash: hash(codeHash, "code hash"),
  };
}

function readAccount(item: RlpItem): ContractAccount {
  const [at, fields, signed] = asList(item, "contract", 3);
  const account = readAccountFields(fields);
  const artifact = optional(signed, "artifact", envelope);
  return {
    address: address(at, "address"),
    ...(account === undefined ? {} : { account }),
    ...(artifact === undefined ? {} : { artifact }),
  };
}

export const contractsCodec: Codec<ContractsMessage> = {
  fields: 3,
  itemsMax: CONTRACTS_MAX * (ENVELOPE_ITEMS + 8) + 16,
  encode: (m) =>
    m.kind === "since"
      ? [KIND_BYTES.first, [rlpText(m.instanceId), rlpNumber(m.upTo), rlpNumber(m.last)], m.entries.map(rlpEnvelope)]
      : [KIND_BYTES.second, rlpBlockRef(m.block), m.accounts.map(rlpAccount)],
  decode: ([kind, about, items]) => {
    const list = asListMax(items, "contracts", CONTRACTS_MAX);
    if (readKind(kind) === "second") {
      return { type: "Contracts", kind: "accounts", block: blockRef(about, "block"), accounts: list.map(readAccount) };
    }
    const [instance, upTo, last] = asList(about, "progress", 3);
    return {
      type: "Contracts",
      kind: "since",
      instanceId: printable(instance, "instance id", INSTANCE_BYTES_MAX),
      upTo: asNumber(upTo, "up to"),
      last: asNumber(last, "last"),
      entries: list.map((value) => envelope(value, "artifact")),
    };
  },
};

export const getBlobsCodec: Codec<GetBlobsMessage> = {
  fields: 1,
  itemsMax: 3 * BLOBS_MAX + 8,
  encode: (m) => [m.wanted.map((blob) => [hexToBytes(blob.hash), hexToBytes(blob.address)])],
  decode: ([wanted]) => ({
    type: "GetBlobs",
    wanted: asListMax(wanted, "wanted", BLOBS_MAX).map((item) => {
      const [blobHash, at] = asList(item, "blob", 2);
      return { hash: hash(blobHash, "blob hash"), address: address(at, "address") };
    }),
  }),
};

export const blobsCodec: Codec<BlobsMessage> = {
  fields: 1,
  itemsMax: 2 * BLOBS_MAX + 8,
  encode: (m) => [m.blobs.map(rlpOptional)],
  decode: ([blobs]) => ({
    type: "Blobs",
    blobs: asListMax(blobs, "blobs", BLOBS_MAX).map((item) =>
      optional(item, "blob", (value, field) => asBytes(value, field, FRAME_BYTES_MAX)),
    ),
  }),
};

export const newContractCodec: Codec<NewContractMessage> = {
  fields: 5,
  itemsMax: ENVELOPE_ITEMS + 16,
  encode: (m) => [
    hexToBytes(m.blockHash),
    hexToBytes(m.address),
    hexToBytes(m.owner),
    hexToBytes(m.codeHash),
    rlpOptional(m.artifact === undefined ? undefined : artifactToRlp(m.artifact)),
  ],
  decode: ([blockHash, at, owner, codeHash, signed]) => {
    const artifact = optional(signed, "artifact", artifactFromRlp);
    return {
      type: "NewContract",
      blockHash: hash(blockHash, "block hash"),
      address: address(at, "address"),
      owner: address(owner, "owner"),
      codeHash: hash(codeHash, "code hash"),
      ...(artifact === undefined ? {} : { artifact }),
    };
  },
};

export const updateContractCodec: Codec<UpdateContractMessage> = {
  fields: 2,
  itemsMax: 3 * CONTRACTS_MAX + 16,
  encode: (m) =>
    m.kind === "state"
      ? [
          KIND_BYTES.first,
          [
            hexToBytes(m.blockHash),
            m.contracts.map((contract) => [hexToBytes(contract.address), hexToBytes(contract.storageRoot)]),
            rlpBoolean(m.truncated),
          ],
        ]
      : [KIND_BYTES.second, artifactToRlp(m.artifact)],
  decode: ([kind, body]) => {
    if (readKind(kind) === "second") {
      return { type: "UpdateContract", kind: "artifact", artifact: artifactFromRlp(body) };
    }
    const [blockHash, contracts, truncated] = asList(body, "update", 3);
    return {
      type: "UpdateContract",
      kind: "state",
      blockHash: hash(blockHash, "block hash"),
      contracts: asListMax(contracts, "contracts", CONTRACTS_MAX).map((item) => {
        const [at, storageRoot] = asList(item, "contract", 2);
        return { address: address(at, "address"), storageRoot: hash(storageRoot, "storage root") };
      }),
      truncated: asBoolean(truncated, "truncated"),
    };
  },
};
