/** The OpenAPI 3.1 document, made from the routes' schemas, and its page at `/docs`. */

import { isJsonObject } from "@counterpart/core/base/json-object";
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { ApiInstance } from "./context.ts";

const TAGS = [
  { name: "status", description: "Whether and what the node serves" },
  { name: "network", description: "Peers" },
  { name: "replica", description: "What of the state a node holds" },
  { name: "contracts", description: "Deploy, execute, call and read contracts" },
  { name: "blocks", description: "The canonical chain" },
  { name: "transactions", description: "Signed transactions and what became of them" },
  { name: "events", description: "What happens, as it happens" },
  { name: "wallets", description: "Accounts" },
  { name: "json-rpc", description: "For Ethereum tools" },
];

const WORDMARK =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 150 24" height="24"><text y="18" fill="#fff"' +
  ' font-family="sans-serif" font-size="20" font-weight="600">Counterpart</text></svg>';

/** The page itself does not say that it fits phones, and has no place to say it. */
const VIEWPORT =
  'document.head.insertAdjacentHTML("beforeend", \'<meta name="viewport" content="width=device-width, initial-scale=1">\');';

/** Of the one style that the page brings along in itself: its own mark's, which is there before the wordmark is. */
const MARK_STYLE = "'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='";

/** What changes something needs the token, but only where the node listens beyond loopback. */
function securityOf(method: string | readonly string[]): { readonly security?: readonly Record<string, string[]>[] } {
  const isRead = [method].flat().every((one) => one === "GET" || one === "HEAD");
  return isRead ? {} : { security: [{}, { bearer: [] }] };
}

/** The page fills examples in: with one for an optional parameter, it asks for what nobody meant to ask for. */
function withoutExamples(query: unknown): unknown {
  if (!isJsonObject(query) || !isJsonObject(query.properties)) return query;
  const properties = Object.entries(query.properties).map(([name, schema]) => [
    name,
    isJsonObject(schema) ? { ...schema, examples: undefined } : schema,
  ]);
  return { ...query, properties: Object.fromEntries(properties) };
}

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
    },
    transform: ({ schema, url, route }) => {
      const querystring = withoutExamples(schema?.querystring);
      const query = querystring === undefined ? {} : { querystring };
      return { schema: { ...schema, ...query, ...securityOf(route.method) }, url };
    },
    refResolver: {
      buildLocalReference: (json, _baseUri, _fragment, index) =>
        typeof json.$id === "string" ? json.$id : `def-${index}`,
    },
  });
  await server.register(swaggerUi, {
    routePrefix: "/docs",
    theme: { title: "Counterpart API", js: [{ filename: "viewport.js", content: VIEWPORT }] },
    // Else a page that is not on loopback tells swagger.io where the node is.
    uiConfig: { validatorUrl: null },
    staticCSP: true,
    transformStaticCSP: (policy) =>
      policy
        .replace("frame-ancestors 'self'", "frame-ancestors 'none'")
        .replace("style-src 'self'", `style-src 'self' ${MARK_STYLE}`)
        .replace(" validator.swagger.io", "")
        .replace(" upgrade-insecure-requests;", ""),
    logo: { type: "image/svg+xml", content: Buffer.from(WORDMARK) },
  });
}
