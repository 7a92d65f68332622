/** What the node is, and whether it serves. */

import { CodedError } from "@counterpart/core/base/errors";
import { currentCrypto } from "@counterpart/core/crypto/crypto";
import Type from "typebox";
import type { ApiContext, ApiInstance } from "../context.ts";
import { checkInStep } from "../in-step.ts";
import { HashSchema, PROBLEM_RESPONSE, TimestampSchema } from "./schemas.ts";

export const HeadSchema = Type.Object({ hash: HashSchema, number: Type.Integer() });

const VersionSchema = Type.Object({
  name: Type.Literal("counterpart"),
  version: Type.String(),
  api: Type.Literal("v1"),
  chain_id: Type.Integer(),
  genesis_hash: HashSchema,
  instance_id: Type.String({ description: "of this data directory" }),
  started_at: TimestampSchema,
  uptime_ms: Type.Integer(),
  runtime: Type.String(),
  crypto: Type.String({ description: "which implementation hashes and recovers signers" }),
});

const TAKING_OVER = "the node is still taking the state over from its peers";

/** Why all that this node has is the genesis while the first state is still to come; undefined where it is not so. */
function missingFirstState({ engine, network }: ApiContext["backend"]): string | undefined {
  if (engine.head().number > 0) return undefined;
  const { state, stage } = network.sync();
  if (stage === "headers" || stage === "state") return TAKING_OVER;
  if (!engine.isReplica || state === "synced") return undefined;
  return state === "alone" ? "the replica has no state yet, and no peer to take it over from" : TAKING_OVER;
}

/** @throws CodedError `NOT_READY` */
function checkHeadsDate({ engine, network }: ApiContext["backend"]): void {
  const aheadS = network.withheldS();
  if (aheadS === undefined) return;
  const what = `the head, block ${engine.head().number}, is dated ${aheadS} s ahead of this node's clock`;
  throw new CodedError(
    "NOT_READY",
    `${what}: other nodes refuse it, and nothing is sealed on it; is the clock right?`,
    {
      aheadS,
    },
  );
}

/** @throws CodedError `NOT_READY`, `STORE_CORRUPT`, `STORE_WRITE_FAILED`, `DIVERGED` */
function checkServing({ backend, ready, damage }: ApiContext): void {
  if (!ready()) throw new CodedError("NOT_READY", "the node is starting or stopping");
  const damaged = damage();
  if (damaged !== undefined) throw damaged;
  if (backend.engine.adoption.isUnderway) throw new CodedError("NOT_READY", TAKING_OVER);
  checkInStep(backend.network);
  if (backend.network.needsFullNode()) {
    throw new CodedError("NOT_READY", "the node is behind, and only replicas are ahead: connect it to a full node");
  }
  checkHeadsDate(backend);
  const missing = missingFirstState(backend);
  if (missing !== undefined) throw new CodedError("NOT_READY", missing);
}

export function registerStatus(server: ApiInstance, context: ApiContext): void {
  const { backend } = context;
  server.get(
    "/health",
    {
      schema: {
        operationId: "getHealth",
        tags: ["status"],
        summary: "The process answers",
        response: { 200: Type.Object({ status: Type.Literal("ok") }), default: PROBLEM_RESPONSE },
      },
    },
    () => ({ status: "ok" as const }),
  );

  server.get(
    "/ready",
    {
      schema: {
        operationId: "getReady",
        tags: ["status"],
        summary:
          "The node serves; else NOT_READY, STORE_CORRUPT (its data is damaged), STORE_WRITE_FAILED (it can write nothing more) or DIVERGED",
        response: { 200: Type.Object({ ready: Type.Literal(true), head: HeadSchema }), default: PROBLEM_RESPONSE },
      },
    },
    () => {
      checkServing(context);
      const { hash, number } = backend.engine.head();
      return { ready: true as const, head: { hash, number } };
    },
  );

  server.get(
    "/version",
    {
      schema: {
        operationId: "getVersion",
        tags: ["status"],
        summary: "Program, chain and instance",
        response: { 200: VersionSchema, default: PROBLEM_RESPONSE },
      },
    },
    () => ({
      name: "counterpart" as const,
      version: backend.version,
      api: "v1" as const,
      chain_id: backend.engine.chainId,
      genesis_hash: backend.engine.genesisHash,
      instance_id: backend.instanceId,
      started_at: backend.startedAt,
      uptime_ms: Math.max(0, backend.now() - backend.startedAt),
      runtime: `node ${process.versions.node}`,
      crypto: currentCrypto().name,
    }),
  );
}
