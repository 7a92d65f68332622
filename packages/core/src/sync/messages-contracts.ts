/** Encodings of the messages that carry contracts, artifacts and code. */

import { EMPTY_BYTES, hexToBytes } from "../base/bytes.ts";
import {
  asBoolean,
  asBytes,
  asList,
  asListMax,
  asNumber,
  type RlpInput,
  type RlpItem,
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
import {
  accountOf,
  GET_STATE_ITEMS_MAX,
  readGetIndex,
  readGetRange,
  readGetState,
  readIndex,
  readRange,
  readState,
  rlpAccount,
  rlpGetIndex,
  rlpGetRange,
  rlpGetState,
  rlpIndex,
  rlpRange,
  rlpState,
  STATE_ITEMS_MAX,
} from "./messages-state.ts";

const INSTANCE_BYTES_MAX = 64;

const rlpSince = (m: Extract<GetContractsMessage, { kind: "since" }>): RlpInput => [
  rlpText(m.instanceId),
  rlpNumber(m.sequence),
  rlpNumber(m.inlineBytesMax),
];

function readSince(query: RlpItem | undefined): GetContractsMessage {
  const [instance, sequence, inline] = asList(query, "since", 3);
  return {
    type: "GetContracts",
    kind: "since",
    instanceId: printable(instance, "instance id", INSTANCE_BYTES_MAX),
    sequence: asNumber(sequence, "sequence"),
    inlineBytesMax: asNumber(inline, "inline bytes"),
  };
}

function readAddresses(query: RlpItem | undefined): GetContractsMessage {
  const addresses = asListMax(query, "addresses", CONTRACTS_MAX).map((value) => address(value, "address"));
  return { type: "GetContracts", kind: "addresses", addresses };
}

const CONTRACTS_KINDS = 5;
const QUERY_READERS = {
  first: readSince,
  second: readAddresses,
  third: readGetState,
  fourth: readGetRange,
  fifth: readGetIndex,
};

export const getContractsCodec: Codec<GetContractsMessage> = {
  fields: 2,
  itemsMax: GET_STATE_ITEMS_MAX + 8,
  encode: (m) => {
    switch (m.kind) {
      case "since":
        return [KIND_BYTES.first, rlpSince(m)];
      case "addresses":
        return [KIND_BYTES.second, m.addresses.map(hexToBytes)];
      case "state":
        return [KIND_BYTES.third, rlpGetState(m)];
      case "range":
        return [KIND_BYTES.fourth, rlpGetRange(m)];
      case "index":
        return [KIND_BYTES.fifth, rlpGetIndex(m)];
    }
  },
  decode: ([kind, query]) => QUERY_READERS[readKind(kind, CONTRACTS_KINDS)](query),
};

/** Items of one envelope, its optional fields included. */
const ENVELOPE_ITEMS = 10;

const rlpContract = ({ address: at, account, artifact }: ContractAccount): RlpInput => [
  hexToBytes(at),
  rlpAccount(account),
  rlpOptional(artifact === undefined ? undefined : rlpEnvelope(artifact)),
];

function readAccount(item: RlpItem): ContractAccount {
  const [at, fields, signed] = asList(item, "contract", 3);
  const account = accountOf(fields);
  const artifact = optional(signed, "artifact", envelope);
  return {
    address: address(at, "address"),
    ...(account === undefined ? {} : { account }),
    ...(artifact === undefined ? {} : { artifact }),
  };
}

type ContractsReader = (about: RlpItem | undefined, items: RlpItem | undefined) => ContractsMessage;

const readChanges: ContractsReader = (about, items) => {
  const [instance, upTo, last] = asList(about, "progress", 3);
  return {
    type: "Contracts",
    kind: "since",
    instanceId: printable(instance, "instance id", INSTANCE_BYTES_MAX),
    upTo: asNumber(upTo, "up to"),
    last: asNumber(last, "last"),
    entries: asListMax(items, "contracts", CONTRACTS_MAX).map((value) => envelope(value, "artifact")),
  };
};

const readAccounts: ContractsReader = (about, items) => {
  const accounts = asListMax(items, "contracts", CONTRACTS_MAX).map(readAccount);
  return { type: "Contracts", kind: "accounts", block: blockRef(about, "block"), accounts };
};

const CONTRACTS_READERS = {
  first: readChanges,
  second: readAccounts,
  third: readState,
  fourth: readRange,
  fifth: readIndex,
};

export const contractsCodec: Codec<ContractsMessage> = {
  fields: 3,
  itemsMax: Math.max(CONTRACTS_MAX * (ENVELOPE_ITEMS + 8), STATE_ITEMS_MAX) + 16,
  encode: (m) => {
    switch (m.kind) {
      case "since":
        return [
          KIND_BYTES.first,
          [rlpText(m.instanceId), rlpNumber(m.upTo), rlpNumber(m.last)],
          m.entries.map(rlpEnvelope),
        ];
      case "accounts":
        return [KIND_BYTES.second, rlpBlockRef(m.block), m.accounts.map(rlpContract)];
      case "state":
        return [KIND_BYTES.third, ...rlpState(m)];
      case "range":
        return [KIND_BYTES.fourth, ...rlpRange(m)];
      case "index":
        return [KIND_BYTES.fifth, ...rlpIndex(m)];
    }
  },
  decode: ([kind, about, items]) => CONTRACTS_READERS[readKind(kind, CONTRACTS_KINDS)](about, items),
};

export const getBlobsCodec: Codec<GetBlobsMessage> = {
  fields: 1,
  itemsMax: 3 * BLOBS_MAX + 8,
  encode: (m) => [
    m.wanted.map((blob) => [
      hexToBytes(blob.hash),
      blob.address === undefined ? EMPTY_BYTES : hexToBytes(blob.address),
    ]),
  ],
  decode: ([wanted]) => ({
    type: "GetBlobs",
    wanted: asListMax(wanted, "wanted", BLOBS_MAX).map((item) => {
      const [blobHash, at] = asList(item, "blob", 2);
      const isNamed = asBytes(at, "address").length > 0;
      return { hash: hash(blobHash, "blob hash"), ...(isNamed ? { address: address(at, "address") } : {}) };
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
