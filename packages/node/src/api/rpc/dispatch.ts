/** JSON-RPC 2.0 over text: single requests, batches, notifications. Source: jsonrpc.org/specification. */

import type { Clock } from "@counterpart/core/ports/runtime";
import { createPatientPacer } from "../../engine/pacer.ts";
import {
  isExactNumber,
  JsonText,
  type JsonValue,
  type ParsedJson,
  parseJson,
  toJsonText,
  toSafeJson,
} from "../json.ts";
import { RPC_CODES, RpcError, rateLimited, responseTooLarge, rpcErrorOf } from "./errors.ts";
import { RPC_LIMITS, type RpcLimits } from "./limits.ts";

/** Takes positional parameters; may return a promise. What it returns is JSON, with bigint as decimal text. */
export interface RpcMethod {
  (params: readonly JsonValue[]): unknown;
  /** What it takes, by position; absent where it reads its parameters by itself. */
  readonly takes?: readonly { readonly isRequired: boolean }[] | undefined;
}

/** Characters of one answer, a whole batch included, unless another limit is set. */
export const RESPONSE_CHARACTERS_MAX = RPC_LIMITS.responseCharactersMax;

type Methods = ReadonlyMap<string, RpcMethod>;

export interface Dispatcher {
  /**
   * The answer to a request's text; undefined when it held notifications only. Never rejects.
   * @param own methods of the connection that it came by, before those of everybody
   * @param take charges the caller for so many calls; when it returns a time, in ms, none is made before that is over
   */
  handle(
    text: string,
    own?: ReadonlyMap<string, RpcMethod>,
    take?: (calls: number) => number,
  ): Promise<string | undefined>;
}

export interface DispatcherOptions {
  readonly methods: ReadonlyMap<string, RpcMethod>;
  readonly clock: Clock;
  readonly limits?: RpcLimits;
  /** Hears of failures that callers are not told. */
  readonly onDefect: (error: unknown, method: string) => void;
}

interface Call {
  /** JSON text of the id; undefined for a notification. */
  readonly id: string | undefined;
  readonly method: string;
  readonly params: readonly JsonValue[];
}

/** Sent one after the other in a batch, they are in one write. The pool takes them in their order. */
const OVERLAPPING = "eth_sendRawTransaction";

const invalidRequest = (message: string): RpcError => new RpcError(RPC_CODES.invalidRequest, message);

type JsonObject = Readonly<Record<string, ParsedJson>>;

const isObject = (value: ParsedJson): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !isExactNumber(value);

const isOverlapping = (request: ParsedJson): boolean => isObject(request) && request.method === OVERLAPPING;

/** What is run at once of a batch: each alone but those that may overlap. */
function groupsOf(requests: readonly ParsedJson[]): readonly ParsedJson[][] {
  const groups: ParsedJson[][] = [];
  let wasOverlapping = false;
  for (const request of requests) {
    const overlaps = isOverlapping(request);
    if (overlaps && wasOverlapping) groups.at(-1)?.push(request);
    else groups.push([request]);
    wasOverlapping = overlaps;
  }
  return groups;
}

/** The id as JSON text, numbers digit by digit as they came; undefined when it is not a legal id. */
function idText(id: ParsedJson | undefined): string | undefined {
  if (isExactNumber(id)) return id.source;
  return typeof id === "string" || typeof id === "number" || id === null ? JSON.stringify(id) : undefined;
}

function errorText(id: string, { code, message, data }: RpcError): string {
  return `{"jsonrpc":"2.0","id":${id},"error":${JSON.stringify({ code, message, data })}}`;
}

/** Clients of batches expect a list, and know the answer to one call by its id; as in go-ethereum. */
function tooLargeText(requests: readonly ParsedJson[], batchMax: number): string {
  const ids = requests.map((request) => (isObject(request) && Object.hasOwn(request, "id") ? request.id : undefined));
  const id = ids.map(idText).find((text) => text !== undefined) ?? "null";
  return `[${errorText(id, invalidRequest(`batch too large: more than ${batchMax} requests`))}]`;
}

function paramsOf(value: ParsedJson | undefined): readonly JsonValue[] {
  if (value === undefined || value === null) return [];
  const plain = toSafeJson(value);
  if (!Array.isArray(plain)) throw new RpcError(RPC_CODES.invalidParams, "params must be an array");
  return plain;
}

function callOf(request: JsonObject, id: string | undefined): Call {
  const own = (name: string): ParsedJson | undefined => (Object.hasOwn(request, name) ? request[name] : undefined);
  const method = own("method");
  if (own("jsonrpc") !== "2.0") throw invalidRequest('invalid request: jsonrpc must be "2.0"');
  if (typeof method !== "string" || method === "") throw invalidRequest("invalid request: method must be a string");
  return { id, method, params: paramsOf(own("params")) };
}

/** The time that what came together may take: one timer for all of it, while anything of it is waited for. */
interface Deadline {
  /** What `work` gives, or an error when the time is over: then nobody waits for it any more. */
  before<T>(work: () => T | Promise<T>): T | Promise<T>;
}

const late = (): RpcError => new RpcError(RPC_CODES.requestTimeout, "request timed out");

function createDeadline(clock: Clock, timeoutMs: number): Deadline {
  const endMs = clock.now() + timeoutMs;
  const waiting = new Set<(error: RpcError) => void>();
  let cancel: (() => void) | undefined;
  const expire = (): void => {
    cancel = undefined;
    for (const reject of waiting) reject(late());
    waiting.clear();
  };
  const leave = (reject: (error: RpcError) => void): void => {
    waiting.delete(reject);
    if (waiting.size > 0) return;
    cancel?.();
    cancel = undefined;
  };
  return {
    before<T>(work: () => T | Promise<T>): T | Promise<T> {
      // Not longer where the clock was set back.
      const leftMs = Math.min(timeoutMs, endMs - clock.now());
      if (leftMs <= 0) throw late();
      const given = work();
      if (!(given instanceof Promise)) return given;
      return new Promise((resolve, reject) => {
        cancel ??= clock.setTimer(leftMs, expire);
        waiting.add(reject);
        given.then(resolve, reject).finally(() => leave(reject));
      });
    },
  };
}

/** How a request came, and until when it is to be answered. */
interface Way {
  readonly own: Methods | undefined;
  readonly deadline: Deadline;
}

export function createDispatcher({ methods, clock, limits = RPC_LIMITS, onDefect }: DispatcherOptions): Dispatcher {
  const { batchMax, responseCharactersMax, timeoutMs } = limits;

  function resultText(result: unknown): string {
    const text = result instanceof JsonText ? result.text : result === undefined ? "null" : toJsonText(result);
    if (text.length > responseCharactersMax) throw responseTooLarge();
    return text;
  }

  function run(call: Call, own: Methods | undefined): string | Promise<string> {
    const method = own?.get(call.method) ?? methods.get(call.method);
    if (method === undefined) {
      const name = call.method.slice(0, 100);
      throw new RpcError(RPC_CODES.methodNotFound, `the method ${name} does not exist/is not available`);
    }
    const result = method(call.params);
    return result instanceof Promise ? result.then(resultText) : resultText(result);
  }

  function failure(error: unknown, method: string): RpcError {
    const known = rpcErrorOf(error);
    if (known !== undefined) return known;
    onDefect(error, method);
    return new RpcError(RPC_CODES.internal, "internal error");
  }

  /** The answer to one request; undefined for a notification. */
  async function handleOne(request: ParsedJson, { own, deadline }: Way): Promise<string | undefined> {
    if (!isObject(request)) return errorText("null", invalidRequest("invalid request: not an object"));
    const given = Object.hasOwn(request, "id");
    const id = given ? idText(request.id) : undefined;
    if (given && id === undefined) return errorText("null", invalidRequest("invalid request: illegal id"));
    let name = "";
    try {
      const call = callOf(request, id);
      name = call.method;
      const result = await deadline.before(() => run(call, own));
      return id === undefined ? undefined : `{"jsonrpc":"2.0","id":${id},"result":${result}}`;
    } catch (error) {
      const known = failure(error, name);
      if (id !== undefined) return errorText(id, known);
      // A notification is not answered, whatever became of it; what is no request at all is.
      return known.code === RPC_CODES.invalidRequest ? errorText("null", known) : undefined;
    }
  }

  async function handleBatch(requests: readonly ParsedJson[], way: Way): Promise<string | undefined> {
    if (requests.length === 0) return errorText("null", invalidRequest("empty batch"));
    if (requests.length > batchMax) return tooLargeText(requests, batchMax);
    const answers: string[] = [];
    let size = 0;
    const pause = createPatientPacer(clock);
    for (const group of groupsOf(requests)) {
      const started: Promise<string | undefined>[] = [];
      for (const request of group) {
        await pause();
        started.push(handleOne(request, way));
      }
      const given = (await Promise.all(started)).filter((answer) => answer !== undefined);
      size += given.reduce((sum, answer) => sum + answer.length, 0);
      if (size > responseCharactersMax) {
        return errorText("null", new RpcError(RPC_CODES.responseTooLarge, "batch response too large"));
      }
      answers.push(...given);
    }
    return answers.length === 0 ? undefined : `[${answers.join(",")}]`;
  }

  /** What a request is told of which nothing is done; undefined for a notification. */
  function refusal(request: ParsedJson, error: RpcError): string | undefined {
    if (!isObject(request)) return errorText("null", error);
    return Object.hasOwn(request, "id") ? errorText(idText(request.id) ?? "null", error) : undefined;
  }

  return {
    async handle(text, own, take) {
      let request: ParsedJson;
      try {
        request = parseJson(text);
      } catch (error) {
        return errorText("null", failure(error, "parse"));
      }
      const calls = Array.isArray(request) ? Math.min(request.length, batchMax) : 1;
      const waitMs = calls === 0 ? 0 : (take?.(calls) ?? 0);
      if (waitMs > 0) return refusal(request, rateLimited(waitMs));
      const way: Way = { own, deadline: createDeadline(clock, timeoutMs) };
      return Array.isArray(request) ? await handleBatch(request, way) : await handleOne(request, way);
    },
  };
}
