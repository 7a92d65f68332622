/** What a replica holds, and changing that while it runs. */

import type { Hex } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import Type, { type Static } from "typebox";
import type { ChainEngine } from "../../engine/types.ts";
import type { ApiContext, ApiInstance } from "../context.ts";
import { AddressSchema, addressOf, nullable, PROBLEM_RESPONSE, refTo, shownAddress } from "./schemas.ts";

const HeldSchema = Type.Object(
  {
    address: AddressSchema,
    status: Type.Enum(["held", "absent", "fetching"], {
      description: "absent: there is no contract at the head; it is held as soon as there is one",
    }),
  },
  { $id: "HeldContract" },
);

const ReplicaSchema = Type.Object(
  {
    role: Type.Enum(["full", "replica"]),
    holds: Type.Enum(["all", "chosen"], { description: "all of the state, or some contracts" }),
    contracts: nullable(
      Type.Array(refTo(HeldSchema), { description: "that were chosen; null where all of the state is held" }),
    ),
    taking_over: Type.Boolean({ description: "state is being fetched that cannot be read before it is whole" }),
  },
  { $id: "Holding" },
);

const Params = Type.Object({ address: AddressSchema });

function requireChosen({ holding }: ChainEngine): void {
  if (holding.role === "chosen") return;
  throw new CodedError("HOLDS_ALL", "this node holds every contract: none can be added or dropped");
}

function statusOf(engine: ChainEngine, address: Hex): Static<typeof HeldSchema>["status"] {
  const { adoption, holding } = engine;
  if (adoption.isUnderway) return "fetching";
  if (adoption.isHeld(address)) return "held";
  return holding.isAwaited(address) ? "fetching" : "absent";
}

const heldJson = (engine: ChainEngine, address: Hex): Static<typeof HeldSchema> => ({
  address: shownAddress(address),
  status: statusOf(engine, address),
});

export function registerReplica(server: ApiInstance, context: ApiContext): void {
  const { engine } = context.backend;
  server.addSchema(HeldSchema);
  server.addSchema(ReplicaSchema);

  server.get(
    "/replica",
    {
      schema: {
        operationId: "getReplica",
        tags: ["replica"],
        summary: "What of the state this node holds",
        response: { 200: refTo(ReplicaSchema), default: PROBLEM_RESPONSE },
      },
    },
    () => {
      const { role } = engine.holding;
      return {
        role: engine.isReplica ? ("replica" as const) : ("full" as const),
        holds: role === "chosen" ? ("chosen" as const) : ("all" as const),
        contracts: role === "chosen" ? engine.holding.chosen().map((address) => heldJson(engine, address)) : null,
        taking_over: engine.adoption.isUnderway,
      };
    },
  );

  registerChanges(server, context);
}

function registerChanges(server: ApiInstance, { backend: { engine, network } }: ApiContext): void {
  server.put(
    "/replica/contracts/:address",
    {
      schema: {
        operationId: "holdContract",
        tags: ["replica"],
        summary: "Hold one more contract; 202 while it is being fetched",
        params: Params,
        response: { 200: refTo(HeldSchema), 202: refTo(HeldSchema), default: PROBLEM_RESPONSE },
      },
    },
    async ({ params }, reply) => {
      requireChosen(engine);
      const address = addressOf(params.address, "address");
      engine.holding.add(address);
      network.takeOver();
      const held = heldJson(engine, address);
      return reply.code(held.status === "fetching" ? 202 : 200).send(held);
    },
  );

  server.delete(
    "/replica/contracts/:address",
    {
      schema: {
        operationId: "dropContract",
        tags: ["replica"],
        summary: "Hold a contract no more",
        description: "`dropped` is false when it was not held.",
        params: Params,
        response: { 200: Type.Object({ dropped: Type.Boolean() }), default: PROBLEM_RESPONSE },
      },
    },
    async ({ params }) => {
      requireChosen(engine);
      const address = addressOf(params.address, "address");
      const dropped = engine.holding.has(address);
      await engine.adoption.drop(address);
      return { dropped };
    },
  );
}
