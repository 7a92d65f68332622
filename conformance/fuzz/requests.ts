/** Requests to the REST API by its OpenAPI document: good ones, and ones with something wrong. */

import type { AbiFunction } from "viem";
import type { Dice } from "../../sim/dice.ts";
import type { ApiOperation, Parameter } from "./document.ts";
import { type Json, Members, toText } from "./json-text.ts";
import { mutateBytes, mutateJson, nastyString } from "./nasty.ts";
import { rpcBody } from "./rpc-requests.ts";
import { argumentOf, type Known, type Source, valueFor } from "./values.ts";
import type { WireRequest } from "./wire.ts";

export interface FuzzRequest extends WireRequest {
  /** What is wrong with it. */
  readonly fault: Fault | "none";
}

/** Where something is wrong. */
export const FAULTS = ["body", "bytes", "path", "query", "headers", "type", "method"] as const;
export type Fault = (typeof FAULTS)[number];

type Header = readonly [string, string];

const JSON_TYPE: Header = ["Content-Type", "application/json"];

/** What a segment of a path, or a query, cannot carry as it is. */
const encoded = (text: string): string => encodeURIComponent(text.toWellFormed());

const asText = (json: Json): string => (typeof json === "string" ? json : toText(json));

function callBody(known: Known, dice: Dice): Members {
  const functions = known.abi.filter((one): one is AbiFunction => (one as { type: string }).type === "function");
  const { name, inputs } = dice.pick(functions);
  const signature = `${name}(${inputs.map(({ type }) => type).join(",")})`;
  const values = inputs.map((input) => [input.name ?? "", argumentOf(input, known, dice)] as const);
  const params = dice.chance(0.5) ? new Members(values) : values.map(([, value]) => value);
  const value: readonly [string, Json][] = name === "pay" && dice.chance(0.7) ? [["value", dice.below(1_000)]] : [];
  const from: readonly [string, Json][] = dice.chance(0.7) ? [["from", dice.pick(known.wallets)]] : [];
  return new Members([["function", dice.chance(0.5) ? name : signature], ["params", params], ...value, ...from]);
}

function bodyOf({ id, body }: ApiOperation, source: Source, dice: Dice): Json | undefined {
  const { known } = source;
  if (body === undefined) return undefined;
  if (id === "jsonRpc") return rpcBody(source, dice);
  if (id === "callContract" || id === "executeContract") return callBody(known, dice);
  if (id === "submitTransaction") return new Members([["raw", dice.pick(source.transactions)]]);
  if (id === "connectPeer")
    return new Members([
      ["address", dice.pick(known.addresses)],
      ["wait_ms", dice.below(50)],
    ]);
  return valueFor(body, known, dice);
}

function pathOf({ template, parameters }: ApiOperation, text: (parameter: Parameter) => string): string {
  const inPath = new Map(parameters.filter((one) => one.in === "path").map((one) => [one.name, one]));
  return template.replace(/\{([^}]+)\}/g, (_, name: string) => text(inPath.get(name) as Parameter));
}

function queryOf({ parameters }: ApiOperation, { known }: Source, dice: Dice): [string, string][] {
  const given = parameters.filter((one) => one.in === "query" && dice.chance(0.4));
  return given.map(({ name, schema }) => [name, asText(valueFor(schema, known, dice, name))]);
}

function badQuery(query: readonly [string, string][], dice: Dice): [string, string][] {
  const [name, value] = query[0] ?? ["limit", "1"];
  return dice.pick<() => [string, string][]>([
    () => [...query, [name, value]],
    () => [...query, [dice.pick(["x", "limit", "before", "owner", "since", "cursor", "types", ""]), nastyString(dice)]],
    () => [[name, nastyString(dice)], ...query.slice(1)],
    () => [...query, [`${name}[]`, value]],
  ])();
}

const targetOf = (path: string, query: readonly (readonly [string, string])[]): string =>
  query.length === 0 ? path : `${path}?${query.map(([name, value]) => `${encoded(name)}=${encoded(value)}`).join("&")}`;

const badPath = (operation: ApiOperation, dice: Dice): string =>
  dice.pick([
    () => pathOf(operation, () => encoded(nastyString(dice))),
    () => pathOf(operation, () => encoded(nastyString(dice))),
    () => `${pathOf(operation, () => "0x00")}/`,
    () => `${pathOf(operation, () => "%ff%fe")}`,
    () => `${pathOf(operation, () => "x")}${dice.pick(["/more", "//", "/..", "%2f", ";a", "#a"])}`,
  ])();

const IDEMPOTENCY_KEYS: readonly string[] = [
  "",
  " ",
  "a b",
  "\t",
  "é",
  "x".repeat(255),
  "x".repeat(256),
  "a,b",
  '"a"',
  "\u0001",
];

/**
 * Header lines with something wrong, or only unusual; text is written as Latin-1. No length is shorter than its body: those
 * would be two requests, of which the first may act and the second be what is refused.
 */
function oddHeader(dice: Dice): readonly Header[] {
  return dice.pick<readonly Header[]>([
    [["Idempotency-Key", dice.pick(IDEMPOTENCY_KEYS)]],
    [
      ["Idempotency-Key", "one"],
      ["Idempotency-Key", "two"],
    ],
    [["Last-Event-ID", dice.pick(["", "-1", "abc", "1.2.3", "x".repeat(257), "é", `${"9".repeat(30)}`])]],
    [["Host", dice.pick(["evil.example", "", "[::1", "127.0.0.1:99999", "a b", "127.0.0.1@evil", "1".repeat(300)])]],
    [["Origin", dice.pick(["https://evil.example", "null", "", "http://", "http://localhost:5173", "file://"])]],
    [["Authorization", dice.pick(["Bearer x", "Basic ", "x".repeat(2_000)])]],
    [["Accept", dice.pick(["text/html", "", "*/*;q=", "application/xml"])]],
    [["Expect", dice.pick(["100-continue", "200-maybe"])]],
    [["Content-Encoding", "gzip"]],
    [["Transfer-Encoding", dice.pick(["gzip", "chunked", "identity", "chunked, chunked"])]],
    [["Content-Length", dice.pick(["-1", "1e1", "", "999999999999999999999"])]],
    [
      ["Upgrade", "websocket"],
      ["Connection", "Upgrade"],
    ],
    [["X".repeat(dice.pick([10, 9_000])), "y".repeat(dice.pick([10, 20_000]))]],
    [[dice.pick(["a b", "a\u0000", "é", "", "a:b"]), "x"]],
    [
      ["X-Forwarded-For", "1.2.3.4"],
      ["X-HTTP-Method-Override", "DELETE"],
    ],
  ]);
}

const TYPES: readonly string[] = [
  ...[
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "",
    "json",
    "application/jsonp",
  ],
  ...[
    "application/json; charset=utf-16",
    "application/json;charset=latin1",
    "application/problem+json",
    "*/*",
    "a/b/c",
  ],
];

const METHODS: readonly string[] = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
  "TRACE",
  "QUERY",
  "FOO",
  "get",
];

const faultsOf = ({ body, parameters }: ApiOperation): readonly Fault[] =>
  FAULTS.filter((fault) => {
    if (fault === "body" || fault === "bytes" || fault === "type") return body !== undefined;
    return fault !== "query" || parameters.some((one) => one.in === "query");
  });

function pickFault(operation: ApiOperation, dice: Dice): Fault | "none" {
  if (dice.chance(0.2)) return "none";
  return operation.body !== undefined && dice.chance(0.6) ? "body" : dice.pick(faultsOf(operation));
}

function headersOf(port: number, fault: Fault | "none", size: number | undefined, dice: Dice): readonly Header[] {
  const odd = fault === "headers" ? oddHeader(dice) : [];
  const replaced = new Set(odd.map(([name]) => name.toLowerCase()));
  const key: readonly Header[] = dice.chance(0.1) ? [["Idempotency-Key", `key-${dice.below(40)}`]] : [];
  const type: Header = fault === "type" ? ["Content-Type", dice.pick(TYPES)] : JSON_TYPE;
  const ofBody: readonly Header[] = size === undefined ? [] : [type, ["Content-Length", String(size)]];
  const usual: readonly Header[] = [["Host", `127.0.0.1:${port}`], ["Connection", "close"], ...key, ...ofBody];
  return [...usual.filter(([name]) => !replaced.has(name.toLowerCase())), ...odd];
}

/** A request, good or with one thing wrong. */
export function requestFor(operation: ApiOperation, source: Source, port: number, dice: Dice): FuzzRequest {
  const fault = pickFault(operation, dice);
  const good = bodyOf(operation, source, dice);
  const json = fault === "body" && good !== undefined ? mutateJson(good, dice) : good;
  const clean = json === undefined ? undefined : Buffer.from(toText(json));
  const body = fault === "bytes" && clean !== undefined ? mutateBytes(clean, dice) : clean;
  const value = ({ name, schema }: Parameter): string => encoded(asText(valueFor(schema, source.known, dice, name)));
  const path = fault === "path" ? badPath(operation, dice) : pathOf(operation, value);
  const query = queryOf(operation, source, dice);
  return {
    fault,
    method: fault === "method" ? dice.pick(METHODS) : operation.method,
    target: targetOf(path, fault === "query" ? badQuery(query, dice) : query),
    headers: headersOf(port, fault, body?.length, dice),
    ...(body === undefined ? {} : { body }),
  };
}
