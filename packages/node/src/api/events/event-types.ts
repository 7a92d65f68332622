/** What the event stream tells, type by type. */

import Type, { type Static, type TSchema } from "typebox";
import { AddressSchema, HashSchema, nullable, TimestampSchema } from "../rest/schemas.ts";

const Transaction = { hash: HashSchema };
const Block = { hash: HashSchema, number: Type.Integer() };
const Contract = { address: AddressSchema, block_hash: HashSchema, block_number: Type.Integer() };
const Peer = { peer_id: Type.String(), address: Type.String() };

const described = <T extends Record<string, TSchema>>(description: string, members: T) =>
  Type.Object(members, { description, additionalProperties: false });

/** In the order in which a change of head tells them; those of transactions outside blocks, and of peers, stand alone. */
export const EVENT_SCHEMAS = {
  "block.reorged": described("a block left the canonical chain; highest first", Block),
  head: described("the chain has a new head; everything else that this changed follows", {
    ...Block,
    parent_hash: HashSchema,
    timestamp: Type.Integer({ description: "seconds since 1970" }),
    blocks_added: Type.Integer(),
    blocks_reorged: Type.Integer(),
    sealed_here: Type.Boolean(),
  }),
  "transaction.included": described("a transaction is in a block of the canonical chain", {
    ...Transaction,
    block_hash: HashSchema,
    block_number: Type.Integer(),
    index: Type.Integer(),
  }),
  "transaction.conflicted": described("a transaction lost its nonce to another one", {
    ...Transaction,
    conflicted_by: HashSchema,
  }),
  "transaction.reorged": described("the block of a transaction left the chain: it is pending again", Transaction),
  "transaction.pending": described("a transaction was accepted and is durable", {
    ...Transaction,
    from: AddressSchema,
    nonce: Type.Integer(),
    origin: Type.Enum(["local", "peer"], { description: "who handed it in: a caller of this node, or a peer" }),
  }),
  "contract.created": described("there is a new contract", Contract),
  "contract.updated": described("a contract's account or storage changed", Contract),
  "contract.removed": described("the block that created a contract left the chain", Contract),
  artifact: described("what the owner says of a contract is new", {
    address: AddressSchema,
    content_hash: HashSchema,
    updated_at: TimestampSchema,
    origin: Type.Enum(["local", "peer"], { description: "who signed it: this node, or somebody elsewhere" }),
  }),
  "sync.complete": described("this node has come to agree with every peer that is connected", {
    ...Block,
    peers: Type.Integer(),
    duration_ms: Type.Integer({ description: "since it last did, or since the first of them connected" }),
    unnamed_contracts: Type.Integer({ description: "contracts of which no peer has said yet where they come from" }),
  }),
  "peer.connected": described("a peer has shaken hands", Peer),
  "peer.synced": described("this node and a peer agree, for the first time since they connected", Peer),
  "peer.disconnected": described("a connection to a peer ended", {
    ...Peer,
    reason: nullable(Type.String({ description: "an error code" })),
  }),
} as const;

export type EventType = keyof typeof EVENT_SCHEMAS;
export type EventData<T extends EventType = EventType> = Static<(typeof EVENT_SCHEMAS)[T]>;

export const EVENT_TYPES = Object.keys(EVENT_SCHEMAS) as EventType[];

/** Sent to one reader only: what it has missed is gone, so it must read anew whatever it keeps. */
export const ResetSchema = described("events between the given id and the next event are not held: read anew", {
  reason: Type.Enum(["TOO_OLD", "UNKNOWN_ID"], {
    description: "the id is of this run of the node but too long ago, or of another node, database or run",
  }),
});
