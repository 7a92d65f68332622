/** JSON-RPC at `/`: over HTTP, and over WebSocket. */

import Type from "typebox";
import { createInclusionWatch } from "../../contracts/inclusion.ts";
import type { NetworkService } from "../../driver/types.ts";
import { textOf } from "../body.ts";
import type { ApiContext, ApiInstance } from "../context.ts";
import { isExtensionOrigin } from "../guards.ts";
import { checkInStep } from "../in-step.ts";
import { PROBLEM_RESPONSE } from "../rest/schemas.ts";
import type { Filters } from "../streams/filters.ts";
import { createStreams } from "../streams/streams.ts";
import { withoutSubscriptions } from "../streams/subscriptions.ts";
import { createSockets, registerWebSocket } from "../streams/websocket.ts";
import { accountMethods } from "./account-methods.ts";
import { blockMethods, transactionMethods } from "./block-methods.ts";
import { blockPartMethods } from "./block-parts.ts";
import { callMethods } from "./call.ts";
import { chainConfigMethods } from "./chain-config.ts";
import { developmentMethods, developmentSigning } from "./development/development-methods.ts";
import { createDispatcher, type Dispatcher, type RpcMethod } from "./dispatch.ts";
import { feeMethods } from "./fees.ts";
import { RPC_LIMITS } from "./limits.ts";
import { logMethods } from "./logs.ts";
import { nodeMethods } from "./node-methods.ts";
import { discoverMethod } from "./openrpc.ts";
import { rawMethods } from "./raw-methods.ts";
import { whenSealed } from "./sealed.ts";
import { simulateMethods } from "./simulate.ts";
import { stateMethods } from "./state-methods.ts";
import { traceMethods } from "./trace.ts";
import { txpoolMethods } from "./txpool-methods.ts";

/** The same method, which fails with `DIVERGED` while this node's state is not to be trusted. */
function whileInStep(network: NetworkService, method: RpcMethod): RpcMethod {
  const checked = (params: Parameters<RpcMethod>[0]): unknown => {
    checkInStep(network);
    return method(params);
  };
  return Object.assign(checked, { takes: method.takes });
}

const SENDING = ["eth_sendRawTransaction", "eth_sendRawTransactionSync", "eth_sendTransaction"] as const;

export interface MethodContext
  extends Pick<ApiContext, "backend" | "clock" | "logLimits">,
    Partial<Pick<ApiContext, "rpcLimits">> {
  readonly filters: Filters;
}

/** Every method that this node answers. */
export function createMethods(context: MethodContext): Map<string, RpcMethod> {
  const { backend, clock, logLimits, filters, rpcLimits = RPC_LIMITS } = context;
  const { engine, network, recoverSenders, keys, development, waiters } = backend;
  const gasMax = BigInt(rpcLimits.gasMax);
  const calls = callMethods(engine, clock, gasMax);
  const watch = createInclusionWatch(engine, clock, waiters);
  const sealed = whenSealed(engine, watch, clock, development);
  const onState = {
    ...stateMethods(engine),
    ...calls,
    ...simulateMethods(engine, clock, gasMax),
    ...traceMethods(engine, clock, gasMax),
  };
  const needsState = new Set([...Object.keys(onState), ...SENDING]);
  const methods = {
    ...nodeMethods(backend),
    ...blockMethods(engine),
    ...blockPartMethods(engine, clock),
    ...rawMethods(engine),
    ...chainConfigMethods(engine),
    ...txpoolMethods(engine, clock),
    ...transactionMethods({ engine, recoverSenders, watch, sealed }),
    ...accountMethods({
      engine,
      keys,
      estimateGas: calls.eth_estimateGas as RpcMethod,
      sealed: sealed.sent,
      ...(development && { signing: developmentSigning(keys, development) }),
    }),
    ...developmentMethods(backend, clock),
    ...onState,
    ...feeMethods(engine, clock),
    ...logMethods({ engine, clock, limits: logLimits }),
    ...withoutSubscriptions,
    ...filters.methods,
  };
  const discover = { "rpc.discover": discoverMethod(Object.keys(methods), backend.version) };
  return new Map(
    Object.entries({ ...methods, ...discover }).map(([name, method]) => [
      name,
      needsState.has(name) ? whileInStep(network, method) : method,
    ]),
  );
}

const RequestBody = Type.Unknown({
  description: "a JSON-RPC 2.0 request, or a batch; `--rpc-batch-max` bounds it",
  examples: [{ jsonrpc: "2.0", id: 1, method: "eth_blockNumber", params: [] }],
});

/** Methods with which a caller spends what this node's accounts own, or changes the chain by hand. */
const isHere = (name: string): boolean =>
  /^(eth_accounts|eth_sendTransaction|eth_sign\w*|personal_\w+|(evm|hardhat|anvil)_\w+)$/.test(name);

/** What an extension of a browser is answered. */
const withoutOwnAccounts = (methods: ReadonlyMap<string, RpcMethod>): Map<string, RpcMethod> =>
  new Map([...methods].filter(([name]) => !isHere(name)));

/** Registers `POST /` in a scope of its own, because its failures are JSON-RPC errors, malformed JSON included. */
export function registerRpc(parent: ApiInstance, context: ApiContext): void {
  const streams = createStreams(context);
  const methods = createMethods({ ...context, filters: streams.filters });
  const dispatcherOf = (answered: ReadonlyMap<string, RpcMethod>): Dispatcher =>
    createDispatcher({
      methods: answered,
      clock: context.clock,
      limits: context.rpcLimits,
      onDefect: (error, method) => {
        const stack = error instanceof Error ? error.stack : String(error);
        context.logger.error("JSON-RPC method failed", { method, stack });
      },
    });
  const [forAll, forExtensions] = [dispatcherOf(methods), dispatcherOf(withoutOwnAccounts(methods))];
  const dispatcherFor = (origin: string | undefined): Dispatcher =>
    isExtensionOrigin(origin) ? forExtensions : forAll;
  const sockets = createSockets({ ...context, dispatcherFor, feed: streams.feed });
  parent.addHook("onClose", async () => streams.close());
  registerWebSocket(parent, sockets);
  parent.register((scope: ApiInstance, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, bytes: Buffer, parsed) =>
      parsed(null, bytes),
    );
    scope.post(
      "/",
      {
        bodyLimit: context.rpcLimits.requestBytesMax,
        schema: {
          operationId: "jsonRpc",
          tags: ["json-rpc"],
          summary: "The Ethereum JSON-RPC API",
          body: RequestBody,
          response: {
            200: Type.Unknown({ description: "a JSON-RPC 2.0 response, or a batch of them" }),
            204: Type.Unsafe<never>({ description: "there were notifications only" }),
            default: PROBLEM_RESPONSE,
          },
        },
      },
      async (request, reply) => {
        const meter = context.rateLimits.meterOf(request.socket.remoteAddress);
        // One call was charged before the body was read.
        const take = (calls: number): number => {
          if (calls > 1) meter?.add(calls - 1);
          return 0;
        };
        const answer = await dispatcherFor(request.headers.origin).handle(readText(request.body), undefined, take);
        return answer === undefined
          ? reply.code(204).send()
          : reply.code(200).header("content-type", "application/json; charset=utf-8").send(answer);
      },
    );
    done();
  });
}

/** Text that is no UTF-8 is no JSON either: the dispatcher says so in its own form. */
function readText(body: unknown): string {
  try {
    return body instanceof Uint8Array ? textOf(body) : "";
  } catch {
    return "";
  }
}
