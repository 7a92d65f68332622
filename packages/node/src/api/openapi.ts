/** The OpenAPI 3.1 document, made from the routes' schemas, and its page at `/docs`. */

import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { ApiInstance } from "./context.ts";

const TAGS = [
  { name: "status", description: "Whether and what the node serves" },
  { name: "network", description: "Peers" },
  { name: "contracts", description: "Deploy, execute, call and read contracts" },
  { name: "blocks", description: "The canonical chain" },
  { name: "transactions", description: "Signed transactions and what became of them" },
  { name: "wallets", description: "Accounts" },
  { name: "json-rpc", description: "For Ethereum tools" },
];

/** Must be registered before the routes that it documents. */
export async function registerOpenApi(server: ApiInstance, version: string): Promise<void> {
  await server.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Counterpart",
        version,
        description: "A node of an EVM network that synchronises smart contracts between peers.",
        license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      },
      tags: TAGS,
      components: { securitySchemes: { bearer: { type: "http", scheme: "bearer" } } },
      // The token is asked for only where the node listens beyond loopback.
      security: [{}, { bearer: [] }],
    },
    refResolver: {
      buildLocalReference: (json, _baseUri, _fragment, index) =>
        typeof json.$id === "string" ? json.$id : `def-${index}`,
    },
  });
  await server.register(swaggerUi, { routePrefix: "/docs" });
}
