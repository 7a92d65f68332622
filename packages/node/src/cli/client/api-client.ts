/**
 * The one HTTP client of the command line. On node:http rather than fetch, which takes longer to load than most commands
 * need for all else.
 */

import { request as httpRequest, type IncomingMessage } from "node:http";
import { CodedError } from "@counterpart/core/base/errors";
import { isJsonObject } from "@counterpart/core/base/json-object";
import { NodeRefusal } from "./refusal.ts";
import { CLIENT_TIMEOUT_MS } from "./settings.ts";

/** Above the largest answer that a node gives; what is longer is no node. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;
/** Of the API. A node may close the connection to a longer one before it has answered. */
const BODY_BYTES_MAX = 1024 * 1024;

export interface ApiClientOptions {
  /** `http://127.0.0.1:8080`, without a path. */
  readonly url: string;
  /** For `Authorization: Bearer`. */
  readonly token?: string;
  /** Longest silence of a node that is not told to wait for something. */
  readonly requestMs?: number;
}

export interface Answer<T> {
  /** Of HTTP, from 200 to 299. */
  readonly status: number;
  readonly body: T;
}

export interface SendOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** How long the node may be silent, in milliseconds, where that is longer than usual. */
  readonly silenceMs?: number;
}

/**
 * Paths are below `/api/v1/`. Everything throws `NodeRefusal` for a problem document, and CodedError
 * `CONNECTION_REFUSED` when nothing answers, `CONNECTION_TIMEOUT` when it takes too long, `CONNECTION_FAILED` when
 * what answers is no node, `PAYLOAD_TOO_LARGE` for a body above 1 MiB.
 */
export interface ApiClient {
  readonly url: string;
  get<T>(path: string, query?: Readonly<Record<string, string | number | boolean | undefined>>): Promise<T>;
  send<T>(method: "POST" | "PUT" | "DELETE", path: string, body?: unknown, options?: SendOptions): Promise<Answer<T>>;
  /** An answer that does not end, once its head is there. */
  stream(path: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<IncomingMessage>;
}

interface RequestOptions {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly silenceMs: number;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

/** A node compiles one source after the other, each for a minute at most; eight may wait before this one. */
const COMPILING_MS = 600_000;

const UNREACHED: ReadonlySet<string | undefined> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EAI_AGAIN",
  "EADDRNOTAVAIL",
]);

/** What a failure of the connection means to a person. */
function connectionError(url: string, cause: unknown): CodedError {
  if (cause instanceof CodedError) return cause;
  const { code, message } = cause as NodeJS.ErrnoException;
  const errors = cause instanceof AggregateError ? (cause.errors as NodeJS.ErrnoException[]) : [];
  if (UNREACHED.has(code) || errors.some((error) => UNREACHED.has(error.code))) {
    return new CodedError(
      "CONNECTION_REFUSED",
      `nothing answers at ${url}: is the node running, and is that its --url?`,
    );
  }
  return new CodedError("CONNECTION_FAILED", brokenConnection(url, code, message));
}

function brokenConnection(url: string, code: string | undefined, message: string): string {
  if (code === "EPROTO") return `what listens at ${url} speaks no TLS: a node itself has http:// alone`;
  if (code?.startsWith("HPE_") === true) return `what listens at ${url} speaks no HTTP`;
  // How a server of TLS ends a request in the clear; a node that stops while it is asked looks the same.
  if (message === "socket hang up" && url.startsWith("http:"))
    return `the connection to ${url} broke: it hung up without an answer; if it speaks TLS, give ${withTls(url)}`;
  return `the connection to ${url} broke: ${message}`;
}

const withTls = (url: string): string => url.replace(/^http:/, "https:");

/** Resolves when the head of the answer is there. */
async function open(url: string, path: string, options: RequestOptions): Promise<IncomingMessage> {
  const target = new URL(`${url}${path}`);
  const { method, headers, body, silenceMs, signal } = options;
  // TLS takes as long to load as all else together, and a node itself has none.
  const makeRequest = target.protocol === "https:" ? (await import("node:https")).request : httpRequest;
  return new Promise((resolve, reject) => {
    const request = makeRequest(target, { method, headers, agent: false, ...(signal !== undefined && { signal }) });
    request.on("response", resolve);
    request.on("error", (cause) => reject(signal?.aborted === true ? cause : connectionError(url, cause)));
    request.setTimeout(silenceMs, () => {
      const message = `${url} did not answer within ${silenceMs / 1_000} s`;
      request.destroy(new CodedError("CONNECTION_TIMEOUT", message));
    });
    request.end(body);
  });
}

/** @throws CodedError `PAYLOAD_TOO_LARGE` */
function bodyText(body: unknown): string | undefined {
  if (body === undefined) return undefined;
  const text = JSON.stringify(body);
  const bytes = Buffer.byteLength(text);
  if (bytes <= BODY_BYTES_MAX) return text;
  throw new CodedError(
    "PAYLOAD_TOO_LARGE",
    `the request has ${bytes} bytes, and a node takes ${BODY_BYTES_MAX} at most`,
  );
}

async function textOf(url: string, answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > ANSWER_BYTES_MAX) throw new CodedError("CONNECTION_FAILED", `the answer of ${url} does not end`);
      chunks.push(chunk);
    }
  } catch (cause) {
    throw connectionError(url, cause);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What servers of TLS answer to a request in the clear: nginx, and those in Go. */
const SAYS_TLS = /HTTP request (was sent )?to (an )?HTTPS (port|server)/;

/** The answer of a node, or what it means that it is none. */
async function answerOf<T>(url: string, response: IncomingMessage): Promise<Answer<T>> {
  const status = response.statusCode ?? 0;
  const text = await textOf(url, response);
  const body = parsed(text);
  if (status >= 200 && status < 300 && isJsonObject(body)) return { status, body: body as T };
  if (isJsonObject(body) && typeof body.code === "string") {
    const retryAfter = Number(response.headers["retry-after"]);
    throw new NodeRefusal(body.code, status, body, retryAfter > 0 ? retryAfter : undefined);
  }
  if (status === 400 && SAYS_TLS.test(text))
    throw new CodedError("CONNECTION_FAILED", `what answers at ${url} speaks TLS: give ${withTls(url)}`);
  throw new CodedError("CONNECTION_FAILED", `what answers at ${url} is no node's API (status ${status})`);
}

function queryText(query: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const given = Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]));
  return given.length === 0 ? "" : `?${new URLSearchParams(given as [string, string][])}`;
}

const hasSources = (body: unknown): boolean => typeof body === "object" && body !== null && "sources" in body;

export function createApiClient({ url, token, requestMs = CLIENT_TIMEOUT_MS }: ApiClientOptions): ApiClient {
  const common = { accept: "application/json", ...(token !== undefined && { authorization: `Bearer ${token}` }) };
  const pathOf = (path: string): string => `/api/v1/${path}`;
  return {
    url,
    async get<T>(path: string, query = {}) {
      const options = { method: "GET", headers: common, silenceMs: requestMs };
      return (await answerOf<T>(url, await open(url, pathOf(path) + queryText(query), options))).body;
    },
    async send<T>(method: "POST" | "PUT" | "DELETE", path: string, body?: unknown, options: SendOptions = {}) {
      const text = bodyText(body);
      const typed = text === undefined ? {} : { "content-type": "application/json" };
      const response = await open(url, pathOf(path), {
        method,
        headers: { ...common, ...typed, ...options.headers },
        silenceMs: Math.max(requestMs, (options.silenceMs ?? 0) + (hasSources(body) ? COMPILING_MS : 0)),
        ...(text !== undefined && { body: text }),
      });
      return answerOf<T>(url, response);
    },
    async stream(path, headers, signal) {
      const options = { method: "GET", headers: { ...common, ...headers }, silenceMs: requestMs, signal };
      const response = await open(url, pathOf(path), options);
      if (response.statusCode === 200) return response;
      await answerOf(url, response);
      throw new CodedError("CONNECTION_FAILED", `what answers at ${url} is no stream of events`);
    },
  };
}
