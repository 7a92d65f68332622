/** Encodings of `Version`, `Status`, `Goodbye` and `Error`. */

import { EMPTY_BYTES, hexToBytes } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import {
  asBoolean,
  asBytes,
  asFixedHex,
  asList,
  asListMax,
  asNumber,
  type RlpInput,
  type RlpItem,
  rlpBoolean,
  rlpNumber,
} from "../codec/rlp.ts";
import { address, blockRef, type Codec, hash, nameOf, printable, rlpBlockRef, rlpText } from "./fields.ts";
import type { AdvertisedLimits } from "./limits.ts";
import {
  type ErrorMessage,
  GOODBYES,
  type GoodbyeMessage,
  REFUSALS,
  ROLES,
  type Status,
  type StatusMessage,
  type VersionMessage,
} from "./message-types.ts";

/** Versions of this protocol that the program speaks, best first. */
export const PROTOCOL_VERSIONS: readonly number[] = [1];

const VERSIONS_MAX = 16;
const CODECS_MAX = 8;
const TEXT_BYTES_MAX = 64;

function rlpLimits(limits: AdvertisedLimits): RlpInput {
  const { frameBytes, headers, blocks, transactions, contracts, blobs, slots, storages, nodes, requests } = limits;
  return [frameBytes, headers, blocks, transactions, contracts, blobs, slots, storages, nodes, requests].map(rlpNumber);
}

function readLimits(item: RlpItem | undefined): AdvertisedLimits {
  const fields = asList(item, "limits", 10);
  const at = (index: number): number => asNumber(fields[index], "limit");
  return {
    frameBytes: at(0),
    headers: at(1),
    blocks: at(2),
    transactions: at(3),
    contracts: at(4),
    blobs: at(5),
    slots: at(6),
    storages: at(7),
    nodes: at(8),
    requests: at(9),
  };
}

const statusFields = (status: Status): readonly RlpInput[] => [
  rlpNumber(status.sequence),
  rlpBlockRef(status.head),
  rlpBlockRef(status.certifiedHead),
  [rlpNumber(status.artifacts.count), hexToBytes(status.artifacts.digest), rlpNumber(status.artifacts.sequence)],
  rlpNumber(status.applied),
  rlpNumber(status.reinjecting),
  rlpNumber(status.clockMs),
];

function readStatus(fields: readonly RlpItem[]): Status {
  const [sequence, head, certified, artifacts, applied, reinjecting, clockMs] = fields;
  const [count, digest, changes] = asList(artifacts, "artifacts", 3);
  return {
    sequence: asNumber(sequence, "sequence"),
    head: blockRef(head, "head"),
    certifiedHead: blockRef(certified, "certified head"),
    artifacts: {
      count: asNumber(count, "artifact count"),
      digest: hash(digest, "artifacts digest"),
      sequence: asNumber(changes, "change sequence"),
    },
    applied: asNumber(applied, "applied"),
    reinjecting: asNumber(reinjecting, "reinjecting"),
    clockMs: asNumber(clockMs, "clock"),
  };
}

/** Read before all else: what follows may be laid out differently in another version of the protocol. */
function readProtocolVersions(item: RlpItem | undefined): readonly number[] {
  const versions = asListMax(item, "protocol versions", VERSIONS_MAX).map((value) => asNumber(value, "version"));
  if (!versions.some((version) => PROTOCOL_VERSIONS.includes(version))) {
    throw new CodedError("INCOMPATIBLE_VERSION", "the peer speaks no protocol version that this node speaks", {
      peer: versions,
      own: PROTOCOL_VERSIONS,
    });
  }
  return versions;
}

/** `decode` also throws `INCOMPATIBLE_VERSION`. */
export const versionCodec: Codec<VersionMessage> = {
  fields: 14,
  itemsMax: 96,
  encode: (m) => [
    m.protocolVersions.map(rlpNumber),
    rlpNumber(m.chainId),
    hexToBytes(m.genesisHash),
    hexToBytes(m.forkRulesId),
    rlpText(m.consensus),
    rlpText(m.instanceId),
    rlpNumber(m.earliestBlock),
    rlpNumber(ROLES[m.role]),
    m.signer === undefined ? EMPTY_BYTES : hexToBytes(m.signer),
    rlpLimits(m.limits),
    m.codecs.map(rlpText),
    rlpText(m.client),
    rlpBoolean(m.explicit),
    statusFields(m.status),
  ],
  decode: (fields) => {
    const [versions, chainId, genesis, rules, consensus, instance, earliest, role, signer] = fields;
    const [limits, codecs, client, explicit, status] = fields.slice(9);
    const protocolVersions = readProtocolVersions(versions);
    asList([...fields], "Version", versionCodec.fields);
    const seals = asBytes(signer, "signer", 20).length > 0;
    return {
      type: "Version",
      protocolVersions,
      chainId: asNumber(chainId, "chain id"),
      genesisHash: hash(genesis, "genesis hash"),
      forkRulesId: asFixedHex(rules, "fork rules id", 32),
      consensus: printable(consensus, "consensus", TEXT_BYTES_MAX),
      instanceId: printable(instance, "instance id", TEXT_BYTES_MAX),
      earliestBlock: asNumber(earliest, "earliest block"),
      role: nameOf(ROLES, role, "role"),
      ...(seals ? { signer: address(signer, "signer") } : {}),
      limits: readLimits(limits),
      codecs: asListMax(codecs, "codecs", CODECS_MAX).map((value) => printable(value, "codec", TEXT_BYTES_MAX)),
      client: printable(client, "client", TEXT_BYTES_MAX),
      explicit: asBoolean(explicit, "explicit"),
      status: readStatus(asList(status, "status", 7)),
    };
  },
};

export const statusCodec: Codec<StatusMessage> = {
  fields: 7,
  itemsMax: 24,
  encode: statusFields,
  decode: (fields) => ({ type: "Status", ...readStatus(fields) }),
};

export const goodbyeCodec: Codec<GoodbyeMessage> = {
  fields: 2,
  itemsMax: 4,
  encode: (m) => [rlpNumber(GOODBYES[m.code]), rlpNumber(m.retryAfterMs)],
  decode: ([code, retryAfter]) => ({
    type: "Goodbye",
    code: nameOf(GOODBYES, code, "goodbye code"),
    retryAfterMs: asNumber(retryAfter, "retry after"),
  }),
};

export const errorCodec: Codec<ErrorMessage> = {
  fields: 2,
  itemsMax: 4,
  encode: (m) => [rlpNumber(REFUSALS[m.code]), rlpNumber(m.retryAfterMs)],
  decode: ([code, retryAfter]) => ({
    type: "Error",
    code: nameOf(REFUSALS, code, "error code"),
    retryAfterMs: asNumber(retryAfter, "retry after"),
  }),
};
