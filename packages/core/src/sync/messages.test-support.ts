/** Arbitrary messages for property tests. */

import fc from "fast-check";
import { bytesToHex, type Hex } from "../base/bytes.ts";
import { contentHash } from "./artifact.ts";
import type { ArtifactRecord } from "./artifact-types.ts";
import {
  type ArtifactEnvelope,
  type BlockRef,
  GOODBYES,
  type GoodbyeCode,
  type Message,
  type MessageType,
  REFUSALS,
  type Refusal,
  ROLES,
  type Role,
  type Status,
} from "./message-types.ts";

const fields = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record<T>(model, { noNullPrototype: true });
const bytes = (size: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: size, maxLength: size });
const hex = (size: number): fc.Arbitrary<Hex> => bytes(size).map(bytesToHex);
export const hash = hex(32);
export const address = hex(20);
const data = fc.uint8Array({ maxLength: 80 });
const number = fc.oneof(fc.nat(), fc.maxSafeNat());
const positive = fc.oneof(
  fc.integer({ min: 1 }),
  fc.maxSafeNat().filter((value) => value > 0),
);
const text = fc.stringMatching(/^[ -~]{0,64}$/);
const keyOf = <T extends string>(table: Readonly<Record<T, number>>): fc.Arbitrary<T> =>
  fc.constantFrom(...(Object.keys(table) as T[]));

const blockRef: fc.Arbitrary<BlockRef> = fields({ hash, number });

export const status: fc.Arbitrary<Status> = fields({
  sequence: number,
  head: blockRef,
  certifiedHead: blockRef,
  artifacts: fields({ count: number, digest: hash, sequence: number }),
  applied: number,
  reinjecting: number,
  clockMs: number,
});

const nonce = fc.option(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { nil: undefined });

export const record: fc.Arbitrary<ArtifactRecord> = fields({
  address,
  codeHash: hash,
  nonce,
  updatedAt: number,
  signature: bytes(65),
  content: data,
}).map(({ nonce: creationNonce, ...rest }) => ({
  ...rest,
  ...(creationNonce === undefined ? {} : { creationNonce }),
  contentHash: contentHash(rest.content),
}));

const envelope: fc.Arbitrary<ArtifactEnvelope> = fc.tuple(record, fc.boolean()).map(([whole, inline]) => {
  const { content, ...rest } = whole;
  return inline ? { ...rest, content } : rest;
});

const limits = fields({
  frameBytes: number,
  headers: number,
  blocks: number,
  transactions: number,
  contracts: number,
  blobs: number,
  slots: number,
  storages: number,
  nodes: number,
  requests: number,
});

const version: fc.Arbitrary<Message> = fields({
  type: fc.constant("Version" as const),
  protocolVersions: fc.array(fc.nat(9), { maxLength: 15 }).map((others) => [...others, 1]),
  chainId: number,
  genesisHash: hash,
  forkRulesId: hash,
  consensus: text,
  instanceId: text,
  earliestBlock: number,
  role: keyOf<Role>(ROLES),
  sealer: fc.option(address, { nil: undefined }),
  limits,
  codecs: fc.array(text, { maxLength: 8 }),
  client: text,
  explicit: fc.boolean(),
  status,
}).map(({ sealer, ...rest }) => (sealer === undefined ? rest : { ...rest, signer: sealer }));

const account = fields({
  nonce: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  balance: fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
  storageRoot: hash,
  codeHash: hash,
});

const contractAccount = fc
  .tuple(address, fc.option(account, { nil: undefined }), fc.option(envelope, { nil: undefined }))
  .map(([at, state, artifact]) => ({
    address: at,
    ...(state === undefined ? {} : { account: state }),
    ...(artifact === undefined ? {} : { artifact }),
  }));

const newContract: fc.Arbitrary<Message> = fc
  .tuple(hash, address, address, hash, fc.option(record, { nil: undefined }))
  .map(([blockHash, at, owner, codeHash, artifact]) => ({
    type: "NewContract",
    blockHash,
    address: at,
    owner,
    codeHash,
    ...(artifact === undefined ? {} : { artifact }),
  }));

const few = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(item, { maxLength: 4 });
const is = <const T>(value: T): fc.Arbitrary<T> => fc.constant(value);

const row = (valueBytesMax: number) => fields({ key: bytes(32), value: fc.uint8Array({ maxLength: valueBytesMax }) });

const answeredState = fc
  .tuple(address, fc.option(account, { nil: undefined }), few(fc.bigInt({ min: 0n, max: 2n ** 256n - 1n })))
  .map(([at, state, slots]) => ({ address: at, ...(state === undefined ? {} : { account: state }), slots }));

const origin = fc.tuple(address, fc.option(fc.tuple(address, nonce), { nil: undefined })).map(([at, creation]) => {
  const [owner, creationNonce] = creation ?? [];
  return {
    address: at,
    ...(owner === undefined ? {} : { owner }),
    ...(creationNonce === undefined ? {} : { creationNonce }),
  };
});

/** One arbitrary for each type, so that a type cannot be forgotten. */
export const messagesByType: Readonly<Record<MessageType, fc.Arbitrary<Message>>> = {
  Version: version,
  Status: status.map((rest) => ({ type: "Status", ...rest })),
  Goodbye: fields({ type: is("Goodbye"), code: keyOf<GoodbyeCode>(GOODBYES), retryAfterMs: number }),
  Error: fields({ type: is("Error"), code: keyOf<Refusal>(REFUSALS), retryAfterMs: number }),
  GetHeaders: fields({
    type: is("GetHeaders"),
    from: fc.oneof(fields({ number }), fields({ hashes: fc.array(hash, { minLength: 1, maxLength: 64 }) })),
    count: fc.integer({ min: 1, max: 256 }),
    direction: fc.constantFrom("up" as const, "down" as const),
  }),
  Headers: fields({ type: is("Headers"), headers: few(data) }),
  GetBlocks: fields({ type: is("GetBlocks"), hashes: few(hash) }),
  Blocks: fields({ type: is("Blocks"), blocks: few(data) }),
  NewBlock: fc.oneof(
    fields({ type: is("NewBlock"), kind: is("block"), block: data }),
    fields({ type: is("NewBlock"), kind: is("header"), header: data }),
  ),
  NewTransaction: fields({ type: is("NewTransaction"), transactions: few(data) }),
  GetContracts: fc.oneof(
    fields({
      type: is("GetContracts"),
      kind: is("since"),
      instanceId: text,
      sequence: number,
      inlineBytesMax: number,
    }),
    fields({ type: is("GetContracts"), kind: is("addresses"), addresses: few(address) }),
    fields({
      type: is("GetContracts"),
      kind: is("state"),
      blockHash: hash,
      wanted: few(fields({ address, slots: few(hash) })),
    }),
    fields({ type: is("GetContracts"), kind: is("range"), blockHash: hash, start: bytes(32) }),
    fields({ type: is("GetContracts"), kind: is("range"), blockHash: hash, start: bytes(32), bytesMax: positive }),
    fields({ type: is("GetContracts"), kind: is("index"), accounts: few(hash) }),
  ),
  Contracts: fc.oneof(
    fields({
      type: is("Contracts"),
      kind: is("since"),
      instanceId: text,
      upTo: number,
      last: number,
      entries: few(envelope),
    }),
    fields({ type: is("Contracts"), kind: is("accounts"), block: blockRef, accounts: few(contractAccount) }),
    fields({
      type: is("Contracts"),
      kind: is("state"),
      block: blockRef,
      accounts: few(answeredState),
      proof: few(data),
    }),
    fields({ type: is("Contracts"), kind: is("range"), block: blockRef, accounts: few(row(80)), proof: few(data) }),
    fields({ type: is("Contracts"), kind: is("index"), entries: few(fc.option(origin, { nil: undefined })) }),
  ),
  GetBlobs: fields({ type: is("GetBlobs"), wanted: few(fc.oneof(fields({ hash, address }), fields({ hash }))) }),
  Blobs: fields({ type: is("Blobs"), blobs: few(fc.option(data, { nil: undefined })) }),
  NewContract: newContract,
  UpdateContract: fc.oneof(
    fields({
      type: is("UpdateContract"),
      kind: is("state"),
      blockHash: hash,
      contracts: few(fields({ address, storageRoot: hash })),
      truncated: fc.boolean(),
    }),
    fields({ type: is("UpdateContract"), kind: is("artifact"), artifact: record }),
  ),
  GetStorage: fc
    .tuple(hash, few(fields({ account: hash, root: hash })), bytes(32), fc.option(positive, { nil: undefined }))
    .map(([blockHash, wanted, start, bytesMax]) => ({
      type: "GetStorage",
      blockHash,
      wanted,
      start,
      ...(bytesMax === undefined ? {} : { bytesMax }),
    })),
  Storage: fields({ type: is("Storage"), pages: few(fields({ slots: few(row(32)), proof: few(data) })) }),
  GetNodes: fc
    .tuple(hash, fc.option(hash, { nil: undefined }), few(fc.stringMatching(/^[0-9a-f]{0,64}$/)))
    .map(([blockHash, account, paths]) => ({
      type: "GetNodes",
      blockHash,
      ...(account === undefined ? {} : { account }),
      paths,
    })),
  Nodes: fields({ type: is("Nodes"), nodes: few(data) }),
};

export const anyMessage: fc.Arbitrary<Message> = fc.oneof(...Object.values(messagesByType));
