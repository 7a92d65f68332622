/** The header `Idempotency-Key` (IETF draft "The Idempotency-Key HTTP Header Field"). */

import { utf8ToBytes } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { keccak256Hex } from "@counterpart/core/crypto/crypto";
import type { FastifyRequest } from "fastify";
import Type from "typebox";
import type { RequestKey } from "../contracts/idempotency.ts";

const CHARACTERS_MAX = 255;
const KEY = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;

export const IdempotencyHeaders = Type.Object({
  "idempotency-key": Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: CHARACTERS_MAX,
      description:
        "printable ASCII; a request that is repeated with the same key within 24 hours acts once, and is answered with " +
        "what became of its transaction",
    }),
  ),
});

/**
 * What a request is known by when it is repeated; undefined without the header.
 * @throws CodedError `INVALID_REQUEST`
 */
export function requestKeyOf(request: FastifyRequest): RequestKey | undefined {
  const key = request.headers["idempotency-key"];
  if (key === undefined) return undefined;
  if (typeof key !== "string" || key.length > CHARACTERS_MAX || !KEY.test(key)) {
    const message = `Idempotency-Key is not 1 to ${CHARACTERS_MAX} printable ASCII characters`;
    throw new CodedError("INVALID_REQUEST", message, { field: "Idempotency-Key" });
  }
  const route = `${request.method} ${request.url} ${request.bodyHash}`;
  return { key, fingerprint: keccak256Hex(utf8ToBytes(route)) };
}
