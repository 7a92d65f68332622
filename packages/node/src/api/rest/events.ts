/** What happens, as it happens: server-sent events (HTML Living Standard, 9.2). */

import Type, { type TSchema } from "typebox";
import type { ApiContext, ApiInstance } from "../context.ts";
import { createEventFeed } from "../events/event-feed.ts";
import { EVENT_SCHEMAS, EVENT_TYPES, type EventType, ResetSchema } from "../events/event-types.ts";
import { PROBLEM_RESPONSE } from "./schemas.ts";

const oneType = EVENT_TYPES.map((type) => type.replace(".", "\\.")).join("|");

const EventsQuery = Type.Object(
  {
    types: Type.Optional(
      Type.String({
        pattern: `^(${oneType})(,(${oneType}))*$`,
        maxLength: 512,
        description: "only these, separated by commas",
        examples: ["head,transaction.included"],
      }),
    ),
  },
  { additionalProperties: false },
);

const EventsHeaders = Type.Object({
  "last-event-id": Type.Optional(
    Type.String({ maxLength: 256, description: "the last id that was received: what came after it is sent again" }),
  ),
});

/** One event as the document shows it; on the wire it is text of the fields `id`, `event` and `data` (JSON). */
const shownEvent = (type: string, data: TSchema) =>
  Type.Object({ event: Type.Literal(type), id: Type.String(), data: Type.Unsafe<never>(data) });

const EventSchema = Type.Union([
  ...Object.entries(EVENT_SCHEMAS).map(([type, data]) => shownEvent(type, data)),
  shownEvent("reset", ResetSchema),
]);

export function registerEvents(server: ApiInstance, { backend, clock, logger, metrics }: ApiContext): void {
  const feed = createEventFeed({ backend, clock, logger, onCut: () => metrics.cut.add({}) });
  // Streams never end by themselves: a closing server would wait for them.
  server.addHook("preClose", async () => feed.close());

  server.get(
    "/events",
    {
      exposeHeadRoute: false,
      schema: {
        operationId: "streamEvents",
        tags: ["events"],
        summary: "Follow heads, blocks, transactions, contracts and peers",
        description:
          "Server-sent events. A reader that comes back with Last-Event-ID gets what it has missed, or a reset event when " +
          "that is not held any more. Fails with TOO_MANY_SUBSCRIBERS.",
        querystring: EventsQuery,
        headers: EventsHeaders,
        response: {
          200: { description: "a stream of events", content: { "text/event-stream": { schema: EventSchema } } },
          default: PROBLEM_RESPONSE,
        },
      },
    },
    (request, reply) => {
      const { types } = request.query;
      feed.checkRoom();
      reply.hijack();
      const headers = { "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" };
      reply.raw.writeHead(200, { ...(reply.getHeaders() as Record<string, string>), ...headers });
      const wanted = types === undefined ? undefined : new Set(types.split(",") as EventType[]);
      feed.subscribe(reply.raw, request.headers["last-event-id"], wanted);
    },
  );
}
