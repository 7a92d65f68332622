/** Peers: who they are, connecting and disconnecting. */

import { CodedError } from "@counterpart/core/base/errors";
import Type, { type Static } from "typebox";
import type { BanView, PeerView, SyncResult } from "../../driver/types.ts";
import type { ApiContext, ApiInstance } from "../context.ts";
import {
  AddressSchema,
  defined,
  HashSchema,
  nullable,
  PeerIdSchema,
  PROBLEM_RESPONSE,
  refTo,
  shownAddressOrNull,
} from "./schemas.ts";
import { HeadSchema } from "./status.ts";
import { DivergenceSchema, SyncSchema, syncToJson } from "./sync.ts";

const CONNECT_WAIT_MS = 30_000;

const SyncResultSchema = Type.Object(
  {
    finished_at: Type.Integer({ description: "milliseconds since 1970" }),
    duration_ms: Type.Number(),
    blocks: Type.Integer({ description: "that were new to this node" }),
    contracts: Type.Integer({ description: "contracts and artifacts that were new to this node" }),
  },
  {
    $id: "SyncResult",
    description: "the last time on this connection that anything had to be fetched before both agreed",
  },
);

export const PeerSchema = Type.Object(
  {
    peer_id: nullable(Type.String()),
    address: Type.String(),
    direction: Type.Enum(["inbound", "outbound"]),
    state: Type.Enum(["connecting", "handshaking", "syncing", "synced", "disconnected"]),
    client: nullable(Type.String()),
    signer: nullable(AddressSchema),
    head: nullable(HeadSchema),
    clock_difference_ms: nullable(Type.Number({ description: "the peer's clock minus this node's" })),
    connected_at: nullable(Type.Integer({ description: "milliseconds since 1970" })),
    last_error: nullable(Type.String()),
    blocks_synced: Type.Integer(),
    contracts_synced: Type.Integer(),
    last_sync: nullable(refTo(SyncResultSchema)),
  },
  { $id: "Peer" },
);

const NetworkSchema = Type.Object({
  peer_id: Type.String(),
  addresses: Type.Array(Type.String(), { description: "multiaddrs that peers can dial" }),
  chain_id: Type.Integer(),
  genesis_hash: HashSchema,
  head: HeadSchema,
  peers_known: Type.Integer(),
  peers_synced: Type.Integer(),
});

const ConnectBody = Type.Object(
  {
    address: Type.String({
      minLength: 1,
      maxLength: 512,
      description: "host:port or a multiaddr",
      examples: ["127.0.0.1:5000"],
    }),
    wait_ms: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 600_000,
        default: CONNECT_WAIT_MS,
        description: "milliseconds to wait for agreement before answering 202",
      }),
    ),
  },
  { additionalProperties: false },
);

const ConnectSchema = Type.Object(
  {
    peer_id: Type.String(),
    address: Type.String(),
    status: Type.Enum(["synced", "syncing"]),
    blocks_synced: Type.Integer({ description: "blocks that were new to this node in this call" }),
    contracts_synced: Type.Integer({ description: "contracts and artifacts that were new to this node in this call" }),
    duration_ms: Type.Number(),
  },
  { $id: "Connection" },
);

/** As a peer is listed: what it was dialled by, or where its connection comes from. */
const PeerAddressSchema = Type.String({
  maxLength: 512,
  pattern: "^(/.+|[^/]+:[0-9]{1,5})$",
  examples: ["127.0.0.1:5000"],
});

const DisconnectBody = Type.Object(
  { peer_id: Type.Optional(PeerIdSchema), address: Type.Optional(PeerAddressSchema) },
  { additionalProperties: false, examples: [{ address: "127.0.0.1:5000" }] },
);

const BanSchema = Type.Object(
  {
    peer_id: Type.String(),
    reason: Type.String({ description: "the fault that brought the ban, see docs/PROTOCOL.md" }),
    banned_at: Type.Integer({ description: "milliseconds since 1970" }),
    banned_until: Type.Integer({ description: "milliseconds since 1970" }),
    times: Type.Integer({ description: "this ban and those before it that are still remembered" }),
  },
  { $id: "Ban" },
);

const BanParams = Type.Object({ peer_id: PeerIdSchema });

const banToJson = ({ peerId, reason, sinceMs, untilMs, times }: BanView): Static<typeof BanSchema> => ({
  peer_id: peerId,
  reason,
  banned_at: sinceMs,
  banned_until: untilMs,
  times,
});

const resultToJson = ({
  finishedAtMs,
  durationMs,
  blocks,
  contracts,
}: SyncResult): Static<typeof SyncResultSchema> => ({
  finished_at: finishedAtMs,
  duration_ms: durationMs,
  blocks,
  contracts,
});

export function peerToJson(peer: PeerView): Static<typeof PeerSchema> {
  return {
    peer_id: peer.peerId ?? null,
    address: peer.address,
    direction: peer.direction,
    state: peer.state,
    client: peer.client ?? null,
    signer: shownAddressOrNull(peer.signer),
    head: peer.head === undefined ? null : { hash: peer.head.hash, number: peer.head.number },
    clock_difference_ms: peer.clockDifferenceMs ?? null,
    connected_at: peer.connectedAt ?? null,
    last_error: peer.lastError ?? null,
    blocks_synced: peer.blocksSynced,
    contracts_synced: peer.contractsSynced,
    last_sync: peer.lastSync === undefined ? null : resultToJson(peer.lastSync),
  };
}

export function registerNetwork(server: ApiInstance, context: ApiContext): void {
  server.addSchema(SyncResultSchema);
  server.addSchema(DivergenceSchema);
  server.addSchema(PeerSchema);
  server.addSchema(ConnectSchema);
  server.addSchema(BanSchema);
  registerReads(server, context);
  registerBans(server, context);
  registerLinks(server, context);
}

function registerReads(server: ApiInstance, { backend }: ApiContext): void {
  const { engine, network } = backend;

  server.get(
    "/network",
    {
      schema: {
        operationId: "getNetwork",
        tags: ["network"],
        summary: "This node on the network",
        response: { 200: NetworkSchema, default: PROBLEM_RESPONSE },
      },
    },
    () => {
      const { hash, number } = engine.head();
      const peers = network.peers();
      return {
        peer_id: network.peerId,
        addresses: [...network.addresses()],
        chain_id: engine.chainId,
        genesis_hash: engine.genesisHash,
        head: { hash, number },
        peers_known: peers.length,
        peers_synced: peers.filter((peer) => peer.state === "synced").length,
      };
    },
  );

  server.get(
    "/network/sync",
    {
      schema: {
        operationId: "getSync",
        tags: ["network"],
        summary: "Where this node stands among its peers",
        response: { 200: SyncSchema, default: PROBLEM_RESPONSE },
      },
    },
    () => syncToJson(network.sync(), network.divergence(), backend.now()),
  );

  server.get(
    "/network/peers",
    {
      schema: {
        operationId: "listPeers",
        tags: ["network"],
        summary: "Every peer that is connected or redialled",
        response: { 200: Type.Object({ peers: Type.Array(refTo(PeerSchema)) }), default: PROBLEM_RESPONSE },
      },
    },
    () => ({ peers: network.peers().map(peerToJson) }),
  );
}

function registerBans(server: ApiInstance, { backend }: ApiContext): void {
  const { network } = backend;

  server.get(
    "/network/bans",
    {
      schema: {
        operationId: "listBans",
        tags: ["network"],
        summary: "Every peer that this node refuses for misbehaviour",
        response: { 200: Type.Object({ bans: Type.Array(refTo(BanSchema)) }), default: PROBLEM_RESPONSE },
      },
    },
    () => ({ bans: network.bans().map(banToJson) }),
  );

  server.delete(
    "/network/bans/:peer_id",
    {
      schema: {
        operationId: "liftBan",
        tags: ["network"],
        summary: "End a peer's ban",
        description: "The peer may connect again at once. `lifted` is false when it was not banned.",
        params: BanParams,
        response: { 200: Type.Object({ lifted: Type.Boolean() }), default: PROBLEM_RESPONSE },
      },
    },
    ({ params }) => ({ lifted: network.liftBan(params.peer_id) }),
  );
}

function registerLinks(server: ApiInstance, { backend }: ApiContext): void {
  const { network } = backend;

  server.post(
    "/network/connect",
    {
      schema: {
        operationId: "connectPeer",
        tags: ["network"],
        summary: "Connect and synchronise with a peer",
        description:
          "200 when both sides agree on version, blocks and contracts; 202 with the progress after wait_ms, while it " +
          "goes on. The peer is remembered and redialled until it is disconnected.",
        body: ConnectBody,
        response: { 200: refTo(ConnectSchema), 202: refTo(ConnectSchema), default: PROBLEM_RESPONSE },
      },
    },
    async (request, reply) => {
      const result = await network.connect(request.body.address, request.body.wait_ms ?? CONNECT_WAIT_MS);
      return reply.code(result.status === "synced" ? 200 : 202).send({
        peer_id: result.peerId,
        address: result.address,
        status: result.status,
        blocks_synced: result.blocksSynced,
        contracts_synced: result.contractsSynced,
        duration_ms: result.durationMs,
      });
    },
  );

  server.post(
    "/network/disconnect",
    {
      schema: {
        operationId: "disconnectPeer",
        tags: ["network"],
        summary: "Disconnect and forget one peer, or every peer",
        description: "Neither peer_id nor address: every peer. They are not redialled until connected again.",
        body: DisconnectBody,
        response: { 200: Type.Object({ disconnected: Type.Integer() }), default: PROBLEM_RESPONSE },
      },
    },
    async ({ body }) => {
      if (body.peer_id !== undefined && body.address !== undefined) {
        throw new CodedError("INVALID_REQUEST", "give peer_id or address, not both", { field: "address" });
      }
      const whole = body.peer_id === undefined && body.address === undefined;
      const target = defined({ peerId: body.peer_id, address: body.address });
      return { disconnected: await (whole ? network.disconnect() : network.disconnect(target)) };
    },
  );
}
