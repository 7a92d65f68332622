import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { bigIntToFixedBytes, bytesToHex, concatBytes, type Hex } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import { EMPTY_REQUESTS_HASH } from "../chain/header.ts";
import type { Log } from "../chain/types.ts";
import { depositsIn, requestsHashOf } from "./requests.ts";

const CONTRACT: Hex = `0x${"dd".repeat(20)}`;
const TOPIC: Hex = "0x649bbc62d0e31342afea4e5cd82d4049e7e1ee912fc0889aa790803be39038c5";
const FIELDS = [48, 32, 8, 96, 8].map((size, index) => new Uint8Array(size).fill(index + 1));

/** As Solidity encodes five byte strings. */
function eventData(fields: readonly Uint8Array[]): Uint8Array {
  const word = (value: number): Uint8Array => bigIntToFixedBytes(BigInt(value), 32);
  const heads: Uint8Array[] = [];
  const tails: Uint8Array[] = [];
  let at = fields.length * 32;
  for (const field of fields) {
    const padded = concatBytes(field, new Uint8Array((32 - (field.length % 32)) % 32));
    heads.push(word(at));
    tails.push(word(field.length), padded);
    at += 32 + padded.length;
  }
  return concatBytes(...heads, ...tails);
}

const event = (change: Partial<Log> = {}): Log => ({
  address: CONTRACT,
  topics: [TOPIC],
  data: eventData(FIELDS),
  ...change,
});

describe("deposits", () => {
  it("are the fields of the contract's events, one after the other", () => {
    const one = concatBytes(...FIELDS);
    const others = [
      event({ address: `0x${"aa".repeat(20)}` }),
      event({ topics: [] }),
      event({ topics: [`0x${"00".repeat(32)}`] }),
    ];
    assert.deepEqual(depositsIn([event(), ...others, event()], CONTRACT), concatBytes(one, one));
    assert.equal(depositsIn(others, CONTRACT).length, 0);
  });

  it("make the block invalid where an event has another layout", () => {
    const short = eventData([FIELDS[0] as Uint8Array, ...FIELDS.slice(1, 4), new Uint8Array(7)]);
    const moved = eventData(FIELDS);
    moved[31] = 161;
    for (const data of [short, moved, new Uint8Array(0), concatBytes(eventData(FIELDS), new Uint8Array(32))]) {
      assert.throws(
        () => depositsIn([event({ data })], CONTRACT),
        (error) => error instanceof CodedError && error.code === "INVALID_BLOCK",
      );
    }
  });
});

describe("the hash of requests", () => {
  it("is that of nothing where no type has any", () => {
    assert.equal(requestsHashOf([]), EMPTY_REQUESTS_HASH);
    assert.equal(requestsHashOf([new Uint8Array(0), new Uint8Array(0)]), EMPTY_REQUESTS_HASH);
  });

  it("is the hash of the hashes of each type's requests, types without any left out", () => {
    const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();
    const [deposits, consolidations] = [new Uint8Array(192).fill(3), new Uint8Array(116).fill(4)];
    const hashes = [concatBytes(new Uint8Array([0]), deposits), concatBytes(new Uint8Array([2]), consolidations)].map(
      sha256,
    );
    assert.equal(
      requestsHashOf([deposits, new Uint8Array(0), consolidations]),
      bytesToHex(sha256(concatBytes(...hashes))),
    );
  });
});
