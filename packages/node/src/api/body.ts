/** Request bodies: only JSON, strict UTF-8, with exact numbers beside the plain value that schemas are checked on. */

import type { Readable } from "node:stream";
import { bytesToUtf8, type Hex } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { keccak256Hex } from "@counterpart/core/crypto/crypto";
import type { FastifyRequest } from "fastify";
import type { ArgumentValue } from "../contracts/types.ts";
import type { ApiInstance } from "./context.ts";
import { parseExactJson, toPlainJson } from "./json.ts";

export const BODY_BYTES_MAX = 1024 * 1024;
/** A piece takes hundreds of bytes until the body is whole, however few are in it; ordinary ones have thousands. */
export const BODY_PIECES_MAX = 16_384;

declare module "fastify" {
  interface FastifyRequest {
    /** The body with every number as its source text; null without body. */
    exactBody: ArgumentValue;
    /** Keccak of the body as it came. */
    bodyHash: Hex;
  }
}

/** @throws CodedError `MALFORMED_JSON` */
export function textOf(bytes: Uint8Array): string {
  try {
    return bytesToUtf8(bytes);
  } catch {
    throw new CodedError("MALFORMED_JSON", "the body is not valid UTF-8");
  }
}

function limitPieces(payload: Readable): void {
  let pieces = 0;
  payload.on("data", () => {
    // Of a request that has no body by its method, or is answered already, nobody reads it, nor hears of an error.
    if (++pieces !== BODY_PIECES_MAX + 1 || payload.listenerCount("error") === 0) return;
    payload.emit("error", new CodedError("PAYLOAD_TOO_LARGE", `the body comes in more than ${BODY_PIECES_MAX} pieces`));
  });
}

/** Replaces fastify's own parsers. An empty body is an empty object, so that a schema says which field is missing. */
export function registerJsonBodies(server: ApiInstance): void {
  server.removeAllContentTypeParsers();
  server.decorateRequest("exactBody", null);
  server.decorateRequest("bodyHash", "0x");
  server.addHook("preParsing", (request, _reply, payload, done) => {
    if (request.headers["content-type"] !== undefined) limitPieces(payload);
    done(null, payload);
  });
  server.addContentTypeParser("application/json", { parseAs: "buffer" }, (request, bytes: Buffer, done) => {
    try {
      const exact = bytes.length === 0 ? {} : parseExactJson(textOf(bytes));
      request.bodyHash = keccak256Hex(bytes);
      request.exactBody = exact;
      done(null, toPlainJson(exact));
    } catch (error) {
      done(error as Error);
    }
  });
}

/** A body field with its numbers exact; undefined when it was not given. */
export function exactField(request: Pick<FastifyRequest, "exactBody">, name: string): ArgumentValue | undefined {
  const body = request.exactBody;
  if (typeof body !== "object" || body === null || Array.isArray(body)) return undefined;
  return Object.hasOwn(body, name) ? (body as Readonly<Record<string, ArgumentValue>>)[name] : undefined;
}
