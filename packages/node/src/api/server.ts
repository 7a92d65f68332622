/** The HTTP server: REST under `/api/v1`, JSON-RPC at `/`, documentation at `/docs`. */

import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from "node:http";
import { CodedError } from "@counterpart/core/base/errors";
import { NO_METRICS } from "@counterpart/core/base/no-metrics";
import type { Metrics } from "@counterpart/core/ports/metrics";
import type { Clock, Logger } from "@counterpart/core/ports/runtime";
import Fastify, { type FastifyReply, type FastifyRequest } from "fastify";
import { type ApiMetrics, createApiMetrics } from "./api-metrics.ts";
import type { Backend } from "./backend.ts";
import { BODY_BYTES_MAX, registerJsonBodies } from "./body.ts";
import type { ApiContext, ApiInstance, Certified } from "./context.ts";
import {
  BROWSER_HEADERS,
  checkFetchSite,
  checkHost,
  checkJsonType,
  checkOneHost,
  checkOrigin,
  createTokenCheck,
  isExtensionOrigin,
  isLoopback,
  requestedHost,
} from "./guards.ts";
import { checkInStep } from "./in-step.ts";
import { type MetricsText, registerMetrics } from "./metrics-route.ts";
import { registerOpenApi } from "./openapi.ts";
import { oneByOne } from "./pipelining.ts";
import { problemOf, rawProblem } from "./problem.ts";
import { API_RATE, checkRate, createRateLimits, type RateLimits } from "./rate-limits.ts";
import { registerBlocks } from "./rest/blocks.ts";
import { registerContractActions } from "./rest/contract-actions.ts";
import { registerContracts } from "./rest/contracts.ts";
import { registerEvents } from "./rest/events.ts";
import { registerNetwork } from "./rest/network.ts";
import { registerProof } from "./rest/proof.ts";
import { registerReplica } from "./rest/replica.ts";
import { NO_QUERY, ProblemSchema } from "./rest/schemas.ts";
import { registerStatus } from "./rest/status.ts";
import { registerTransactions } from "./rest/transactions.ts";
import { registerWallets } from "./rest/wallets.ts";
import { createRouteTable, type RouteTable } from "./route-table.ts";
import { RPC_LIMITS, type RpcLimits } from "./rpc/limits.ts";
import { LOG_LIMITS, type LogLimits } from "./rpc/logs.ts";
import { registerRpc } from "./rpc/route.ts";
import { registerUpgrades, SOCKETS_MAX } from "./streams/websocket.ts";
import { compileRequestSchema } from "./validation.ts";

export interface ApiServerOptions {
  readonly backend: Backend;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** What POST and PUT need as bearer token when `host` is not on loopback; then it must be given. */
  readonly token?: string;
  /** Names, beside IP addresses and localhost, that requests may call this node by. */
  readonly allowedHosts?: readonly string[];
  /** Origins, beside those on loopback and the node's own, whose pages may call: `https://dapp.example`. */
  readonly allowedOrigins?: readonly string[];
  /** Who vouches for blocks; "none" when absent. */
  readonly certified?: Certified;
  /** What a request over JSON-RPC may cost; `RPC_LIMITS` when absent. */
  readonly rpcLimits?: RpcLimits;
  /** What one query of logs may ask for; 100,000 blocks and 10,000 logs when absent. */
  readonly logLimits?: LogLimits;
  /** Calls a second of one address beyond loopback, 0 for any number; `API_RATE` when absent. */
  readonly rate?: number;
  /** Whether the node serves; always, when absent. */
  readonly ready?: () => boolean;
  /** What is wrong with the database, while something is: the node then does not count as ready. */
  readonly damage?: () => CodedError | undefined;
  /** Where the API counts, and what `GET /metrics` shows; without it there is no such route. */
  readonly metrics?: Metrics & MetricsText;
}

export interface ApiServer {
  /** @throws CodedError `PORT_IN_USE`, `INVALID_CONFIG` */
  start(): Promise<{ readonly url: string }>;
  /** Lets requests under way end, for 5 s at most, and closes. */
  stop(): Promise<void>;
}

const REQUEST_TIMEOUT_MS = 30_000;
/** Connections are few: whoever opens one and does not say what for gives it back soon. */
const HEADERS_TIMEOUT_MS = 10_000;
const CONNECTIONS_CHECK_MS = 5_000;
const KEEP_ALIVE_MS = 10_000;
const STOP_GRACE_MS = 5_000;
/** HTTP, whatever WebSocket takes. */
const CONNECTIONS_MAX = 512 + SOCKETS_MAX;
const PARAM_CHARACTERS_MAX = 128;
const API_PREFIX = "/api/v1";

const WRITES: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH", "DELETE"]);

const pathOf = (request: FastifyRequest): string => request.url.split("?", 1)[0] as string;

/** Names the limit that a body is larger than, in bytes, and the option that sets it where there is one. */
function withLimit(error: unknown, request: FastifyRequest): unknown {
  if (!(error instanceof Error && "code" in error && error.code === "FST_ERR_CTP_BODY_TOO_LARGE")) return error;
  const { bodyLimit } = request.routeOptions;
  const option = pathOf(request) === "/" ? "; --rpc-request-bytes-max of the node sets it" : "";
  return new CodedError("PAYLOAD_TOO_LARGE", `the body is larger than the limit, ${bodyLimit} bytes${option}`);
}

function createReplyWithProblem(logger: Logger, metrics: ApiMetrics) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    // The request's own stream failed: its client hung up within the body, and nobody is there to be answered.
    if (request.raw.errored === error) return void reply.hijack();
    const { problem, headers, unexpected } = problemOf(withLimit(error, request), pathOf(request), request.id);
    metrics.problems.add({ code: problem.code });
    if (unexpected) {
      const stack = error instanceof Error ? error.stack : String(error);
      logger.error("request failed", { requestId: request.id, method: request.method, path: pathOf(request), stack });
    }
    void reply.code(problem.status).headers(headers).send(JSON.stringify(problem));
  };
}

/** Preflight answer and headers for pages of loopback origins, which tools in development are. */
function allowOrigin(request: FastifyRequest, reply: FastifyReply): void {
  const { origin } = request.headers;
  if (origin === undefined) return;
  reply.headers({
    "access-control-allow-origin": origin,
    "access-control-expose-headers": "location, retry-after, x-request-id",
    vary: "origin",
  });
}

function isPreflight({ method, headers }: FastifyRequest): boolean {
  return method === "OPTIONS" && headers.origin !== undefined && headers["access-control-request-method"] !== undefined;
}

/** Before any body is read. */
function refuseUnknown(request: FastifyRequest, routes: RouteTable): never {
  const allowed = routes.methodsOf(pathOf(request));
  if (allowed.length === 0) throw new CodedError("ROUTE_NOT_FOUND", `there is no ${pathOf(request)}`);
  throw new CodedError("METHOD_NOT_ALLOWED", `${pathOf(request)} has no method ${request.method}`, { allowed });
}

const isUpgrade = ({ upgrade }: IncomingHttpHeaders): boolean => upgrade?.toLowerCase() === "websocket";

type Admit = (request: FastifyRequest, reply: FastifyReply) => void;

/** What holds for every request, whatever it asks for: headers of the answer, and who may ask, how often. */
function createAdmission({ allowedHosts = [], allowedOrigins = [] }: ApiServerOptions, rateLimits: RateLimits): Admit {
  const names = allowedHosts.map((name) => name.toLowerCase());
  // As browsers write them: in lower case, without the port that the scheme has anyway.
  const origins = allowedOrigins.map((origin) => (URL.canParse(origin) ? new URL(origin).origin : origin));
  return (request, reply) => {
    reply.headers({ "x-request-id": request.id, ...BROWSER_HEADERS });
    const { headers } = request;
    checkOneHost(request.raw.rawHeaders);
    checkHost(requestedHost(request.raw.url, headers.host), names);
    checkFetchSite(headers);
    if (!isExtensionOrigin(headers.origin) || pathOf(request) !== "/") {
      checkOrigin(headers.origin, headers.host, origins);
    }
    allowOrigin(request, reply);
    checkRate(rateLimits.meterOf(request.socket.remoteAddress));
  };
}

interface GuardOptions extends ApiServerOptions {
  readonly stopping: () => boolean;
  readonly routes: RouteTable;
  readonly admit: Admit;
}

function registerGuards(server: ApiInstance, options: GuardOptions): void {
  const { host, token, stopping, routes, admit } = options;
  const checkToken = isLoopback(host) || token === undefined ? undefined : createTokenCheck(token);
  server.addHook("onRequest", async (request, reply) => {
    admit(request, reply);
    const { headers } = request;
    if (stopping()) throw new CodedError("NOT_READY", "the node is stopping");
    if (isPreflight(request)) {
      return reply
        .code(204)
        .headers({
          "access-control-allow-methods": "GET, POST, PUT, DELETE",
          "access-control-allow-headers": "authorization, content-type, idempotency-key, last-event-id",
        })
        .send();
    }
    if (request.is404) refuseUnknown(request, routes);
    if (isUpgrade(headers)) {
      if (pathOf(request) !== "/") throw new CodedError("ROUTE_NOT_FOUND", "WebSocket is served at / alone");
      checkToken?.(headers.authorization);
    }
    if (!WRITES.has(request.method)) return;
    checkToken?.(headers.authorization);
    // Across origins a page sends nothing but a POST without asking first, so that without a body others need no type.
    if (request.method !== "POST" && headers["content-type"] === undefined) return;
    checkJsonType(headers["content-type"]);
  });
}

/** What reads or changes the state: contracts, accounts, and new transactions. */
function needsState({ method, routeOptions: { url = "" } }: FastifyRequest): boolean {
  const path = url.slice(API_PREFIX.length);
  return /^\/(contracts|wallets)(\/|$)/.test(path) || (method === "POST" && path === "/transactions");
}

function registerRest(server: ApiInstance, context: ApiContext): void {
  server.register(
    (scope: ApiInstance, _options, done) => {
      useSchemas(scope);
      scope.addHook("onRequest", async (request) => {
        if (needsState(request)) checkInStep(context.backend.network);
      });
      // Probes may put there what they like.
      registerStatus(scope, context);
      scope.addHook("onRoute", ({ schema }) => {
        if (schema !== undefined) schema.querystring ??= NO_QUERY;
      });
      registerNetwork(scope, context);
      registerReplica(scope, context);
      registerContracts(scope, context);
      registerProof(scope, context);
      registerContractActions(scope, context);
      registerBlocks(scope, context);
      registerTransactions(scope, context);
      registerWallets(scope, context);
      registerEvents(scope, context);
      done();
    },
    { prefix: API_PREFIX },
  );
}

/** Ids that no two requests of one instance share, across restarts too. */
function createRequestIds({ startedAt }: Backend): () => string {
  let count = 0;
  return () => `${startedAt.toString(36)}-${(++count).toString(36)}`;
}

/** Needed again in each scope that adds schemas of its own, which would go back to fastify's own compilers. */
function useSchemas(scope: ApiInstance): void {
  scope.setValidatorCompiler(compileRequestSchema);
  scope.setSerializerCompiler(() => (data) => JSON.stringify(data));
}

function createHttpServer(listener: RequestListener): Server {
  const answer = oneByOne(listener);
  return createServer(
    {
      // Whoever offers another protocol, such as h2c, is answered as if he did not; so is who asks elsewhere, or before
      // the last answer. A socket that is given away has no timeouts any more.
      shouldUpgradeCallback: ({ headers, socket, url = "" }) =>
        isUpgrade(headers) && url.split("?", 1)[0] === "/" && !answer.isBusy(socket),
      requestTimeout: REQUEST_TIMEOUT_MS,
      headersTimeout: HEADERS_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: CONNECTIONS_CHECK_MS,
    },
    answer,
  );
}

function createFastify(options: ApiServerOptions, metrics: ApiMetrics, admit: Admit): ApiInstance {
  const replyWithProblem = createReplyWithProblem(options.logger, metrics);
  const server: ApiInstance = Fastify({
    bodyLimit: BODY_BYTES_MAX,
    serverFactory: createHttpServer,
    forceCloseConnections: "idle",
    return503OnClosing: false,
    genReqId: createRequestIds(options.backend),
    routerOptions: { maxParamLength: PARAM_CHARACTERS_MAX },
    // A URL that cannot be decoded comes to no hook.
    frameworkErrors(error, request, reply) {
      try {
        admit(request, reply);
        replyWithProblem(error, request, reply);
      } catch (refusal) {
        replyWithProblem(refusal, request, reply);
      }
    },
    clientErrorHandler: (error, socket) => {
      metrics.malformed.add({});
      // Whoever does not close his side holds no connection for it.
      if (socket.writable) socket.end(rawProblem(error.code), () => socket.destroy());
      else socket.destroy();
    },
  });
  useSchemas(server);
  server.setErrorHandler(replyWithProblem);
  // Routes that are known are told apart before; this is what a plugin does not find.
  server.setNotFoundHandler((request, reply) => {
    replyWithProblem(new CodedError("ROUTE_NOT_FOUND", `there is no ${pathOf(request)}`), request, reply);
  });
  // An expectation that is not known need not be met (RFC 9110, 10.1.1).
  server.server.on("checkExpectation", (...request) => server.server.emit("request", ...request));
  server.server.maxConnections = CONNECTIONS_MAX;
  server.server.on("drop", () => metrics.dropped.add({}));
  return server;
}

/**
 * The server with every route, not listening. `stopping` turns new requests away.
 * @throws CodedError `INVALID_CONFIG` when the host is not on loopback and there is no token
 */
export async function buildServer(options: ApiServerOptions, stopping = () => false): Promise<ApiInstance> {
  const {
    backend,
    clock,
    logger,
    host,
    token,
    certified = "none",
    rpcLimits = RPC_LIMITS,
    logLimits = LOG_LIMITS,
    rate = API_RATE,
    ready = () => true,
    damage = () => undefined,
  } = options;
  if (!isLoopback(host) && token === undefined) {
    throw new CodedError("INVALID_CONFIG", `listening on ${host}, beyond loopback, needs a token`);
  }
  const metrics = createApiMetrics(options.metrics ?? NO_METRICS);
  const isReady = (): boolean => ready() && !stopping();
  const rateLimits = createRateLimits({ perSecond: rate, clock, metrics });
  const context: ApiContext = {
    ...{ backend, clock, logger, metrics, certified, rpcLimits, logLimits, rateLimits, damage },
    ready: isReady,
  };
  const admit = createAdmission(options, rateLimits);
  const server = createFastify(options, metrics, admit);
  const routes = createRouteTable(server);
  await registerUpgrades(server, rpcLimits.requestBytesMax);
  registerJsonBodies(server);
  registerGuards(server, { ...options, stopping, routes, admit });
  server.addHook("onResponse", async (request, reply) => {
    const { statusCode: status, elapsedTime } = reply;
    logger.debug("request", { id: request.id, method: request.method, path: pathOf(request), status, elapsedTime });
  });
  server.addSchema(ProblemSchema);
  await registerOpenApi(server, backend.version);
  registerRest(server, context);
  registerRpc(server, context);
  if (options.metrics !== undefined) registerMetrics(server, options.metrics);
  await server.ready();
  return server;
}

function listenError(error: unknown, { host, port }: ApiServerOptions): unknown {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "EADDRINUSE")
    return new CodedError("PORT_IN_USE", `API port ${port} on ${host} is taken`, { host, port });
  if (code === "EACCES" || code === "EADDRNOTAVAIL" || code === "ENOTFOUND") {
    return new CodedError("INVALID_CONFIG", `cannot listen on ${host}:${port} (${code})`, { host, port });
  }
  return error;
}

async function listen(server: ApiInstance, options: ApiServerOptions): Promise<string> {
  const { host, port } = options;
  try {
    await server.listen({ host, port });
  } catch (error) {
    await server.close();
    throw listenError(error, options);
  }
  const address = server.server.address();
  const actual = typeof address === "object" && address !== null ? address.port : port;
  return `http://${host.includes(":") ? `[${host}]` : host}:${actual}`;
}

/** Nothing listens before `start`. */
export function createApiServer(options: ApiServerOptions): ApiServer {
  let server: ApiInstance | undefined;
  let stopping = false;
  return {
    async start() {
      server = await buildServer(options, () => stopping);
      return { url: await listen(server, options) };
    },
    async stop() {
      stopping = true;
      const running = server;
      if (running === undefined) return;
      const cancel = options.clock.setTimer(STOP_GRACE_MS, () => running.server.closeAllConnections());
      await running.close();
      cancel();
    },
  };
}
