import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { hashTypedData } from "viem";
import { bytesToHex, type Hex, hexToBytes, utf8ToBytes } from "../base/bytes.ts";
import { isCodedError } from "../base/errors.ts";
import { createAddress } from "../chain/address.ts";
import { decodeRlp, encodeRlp } from "../codec/rlp.ts";
import { keccak256, privateKeyToAddress, SECP256K1_ORDER, signDigest } from "../crypto/crypto.ts";
import { mergeArtifacts } from "./artifact.test-support.ts";
import {
  type ArtifactDraft,
  artifactFromRlp,
  artifactRecordHash,
  artifactToRlp,
  compareArtifacts,
  integrityHash,
  nextUpdatedAt,
  signArtifact,
  stateHash,
  UPDATED_AT_MAX,
  verifyArtifact,
} from "./artifact.ts";
import { asArtifactError } from "./artifact-content.ts";
import { artifactDigest, NO_CREATION_NONCE } from "./artifact-signature.ts";
import type { ArtifactRecord } from "./artifact-types.ts";

const KEY = keccak256(utf8ToBytes("owner"));
const OTHER_KEY = keccak256(utf8ToBytes("another"));
const OWNER = privateKeyToAddress(KEY);
const OTHER = privateKeyToAddress(OTHER_KEY);
const CHAIN = { chainId: 31337, genesisHash: bytesToHex(keccak256(utf8ToBytes("genesis"))) };
const CODE_HASH = bytesToHex(keccak256(utf8ToBytes("code")));
const CHILD: Hex = "0x00000000000000000000000000000000000000c1";

const signWith = (key: Uint8Array) => (digest: Uint8Array) => signDigest(digest, key);
const invalid = (error: unknown) => isCodedError(error, "INVALID_ARTIFACT");

function draft(overrides: Partial<ArtifactDraft> = {}): ArtifactDraft {
  return {
    address: createAddress(OWNER, 7n),
    codeHash: CODE_HASH,
    creationNonce: 7n,
    updatedAt: 1_700_000_000_000,
    content: { contractType: "token", name: "Test", symbol: "TST", decimals: 18, cap: "1000" },
    ...overrides,
  };
}

const child = (): ArtifactDraft => ({
  address: CHILD,
  codeHash: CODE_HASH,
  updatedAt: 5,
  content: { name: "child" },
});

const record = (overrides: Partial<ArtifactDraft> = {}): ArtifactRecord =>
  signArtifact(draft(overrides), CHAIN, signWith(KEY));

const encoded = (signed: ArtifactRecord): Uint8Array => encodeRlp(artifactToRlp(signed));
/** As a message or a stored row gives it. */
const decodedFrom = (bytes: Uint8Array): ArtifactRecord =>
  asArtifactError(() => artifactFromRlp(decodeRlp(bytes, { depthMax: 2, itemsMax: 8 })));

function viemDigest(signed: ArtifactRecord): Hex {
  return hashTypedData({
    domain: { name: "Counterpart", version: "1", chainId: CHAIN.chainId, verifyingContract: signed.address },
    types: {
      Artifact: [
        { name: "genesisHash", type: "bytes32" },
        { name: "codeHash", type: "bytes32" },
        { name: "creationNonce", type: "uint256" },
        { name: "updatedAt", type: "uint256" },
        { name: "contentHash", type: "bytes32" },
      ],
    },
    primaryType: "Artifact",
    message: {
      genesisHash: CHAIN.genesisHash,
      codeHash: signed.codeHash,
      creationNonce: signed.creationNonce ?? NO_CREATION_NONCE,
      updatedAt: BigInt(signed.updatedAt),
      contentHash: signed.contentHash,
    },
  });
}

describe("signing an artifact", () => {
  it("signs the digest that viem computes for the same typed data", () => {
    for (const signed of [record(), signArtifact(child(), CHAIN, signWith(KEY))]) {
      assert.equal(bytesToHex(artifactDigest(signed, CHAIN)), viemDigest(signed));
    }
  });

  it("dates a record later than the one before, even with a clock that went back", () => {
    assert.equal(nextUpdatedAt(100, undefined), 100);
    assert.equal(nextUpdatedAt(100, 40), 100);
    assert.equal(nextUpdatedAt(100, 100), 101);
    assert.equal(nextUpdatedAt(100, 5_000), 5_001);
  });
});

describe("verifying an artifact", () => {
  it("recovers the owner of a top-level creation from the record alone", () => {
    assert.equal(verifyArtifact(record(), CHAIN), OWNER);
  });

  it("refuses a record signed by another account", () => {
    assert.throws(() => verifyArtifact(signArtifact(draft(), CHAIN, signWith(OTHER_KEY)), CHAIN), invalid);
  });

  it("needs the owner of a factory's child from its caller", () => {
    const signed = signArtifact(child(), CHAIN, signWith(KEY));
    assert.throws(() => verifyArtifact(signed, CHAIN), invalid);
    assert.throws(() => verifyArtifact(signed, CHAIN, OTHER), invalid);
    assert.equal(verifyArtifact(signed, CHAIN, OWNER), OWNER);
  });

  it("refuses a record whose nonce was cut off, though its owner signed it", () => {
    const first = { address: createAddress(OWNER, 0n), creationNonce: 0n };
    const { creationNonce: _, ...cut } = record(first);
    assert.throws(() => verifyArtifact(cut, CHAIN, OWNER), invalid);
  });

  it("refuses a change of any signed value, and another chain", () => {
    const signed = record();
    const zero = `0x${"00".repeat(32)}` as const;
    const forgeries: ArtifactRecord[] = [
      { ...signed, address: createAddress(OWNER, 8n) },
      { ...signed, address: createAddress(OWNER, 8n), creationNonce: 8n },
      { ...signed, codeHash: zero },
      { ...signed, updatedAt: signed.updatedAt + 1 },
      { ...signed, contentHash: zero },
      { ...signed, content: record({ content: { name: "swapped" } }).content },
      { ...signed, signature: signed.signature.slice(0, 64) },
    ];
    for (const forgery of forgeries) assert.throws(() => verifyArtifact(forgery, CHAIN), invalid);
    assert.throws(() => verifyArtifact(signed, { ...CHAIN, chainId: 1 }), invalid);
    assert.throws(() => verifyArtifact(signed, { ...CHAIN, genesisHash: zero }), invalid);
  });

  it("refuses the mirrored signature that anyone could make of a valid one", () => {
    const signed = record();
    const s = SECP256K1_ORDER - BigInt(bytesToHex(signed.signature.subarray(32, 64)));
    const mirrored = signed.signature.slice();
    mirrored.set(hexToBytes(`0x${s.toString(16).padStart(64, "0")}`), 32);
    mirrored[64] = 1 - (signed.signature[64] as number);
    assert.throws(() => verifyArtifact({ ...signed, signature: mirrored }, CHAIN), invalid);
  });

  it("refuses times that are no whole milliseconds, and those beyond all dates", () => {
    for (const updatedAt of [-1, 1.5, 2 ** 53, 2 ** 53 - 1, UPDATED_AT_MAX + 1, Number.NaN]) {
      assert.throws(() => verifyArtifact({ ...record(), updatedAt }, CHAIN), invalid);
    }
  });
});

describe("the encoding of records", () => {
  it("gives back what was encoded", () => {
    for (const signed of [record(), record({ creationNonce: 0n }), signArtifact(child(), CHAIN, signWith(KEY))]) {
      assert.deepEqual(decodedFrom(encoded(signed)), signed);
    }
  });

  it("gives an error with a code for bytes of any other shape", () => {
    const bytes = encoded(record());
    const mutilated = fc.oneof(
      fc.nat(bytes.length - 1).map((size) => bytes.slice(0, size)),
      fc.uint8Array({ minLength: 1 }).map((tail) => new Uint8Array([...bytes, ...tail])),
      fc.uint8Array(),
    );
    fc.assert(fc.property(mutilated, (input) => assert.throws(() => decodedFrom(input), invalid)));
  });

  it("caps content, signature and nonce before anything is computed of them", () => {
    const fields = artifactToRlp(record());
    assert.ok(Array.isArray(fields));
    const changed = (at: number, value: Uint8Array | Uint8Array[]): Uint8Array =>
      encodeRlp(fields.map((field, i) => (i === at ? value : field)));
    assert.throws(() => decodedFrom(changed(5, new Uint8Array(256 * 1024 + 1))), invalid);
    assert.throws(() => decodedFrom(changed(4, new Uint8Array(66))), invalid);
    assert.throws(() => decodedFrom(changed(2, [new Uint8Array(9).fill(1)])), invalid);
    assert.throws(() => decodedFrom(changed(2, [new Uint8Array([1]), new Uint8Array([1])])), invalid);
  });

  it("changes no byte of a record unnoticed: another encoding is another record hash or no record", () => {
    const signed = record();
    const bytes = encoded(signed);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = bytes.slice();
        changed[at] = (changed[at] as number) ^ flip;
        let decoded: ArtifactRecord;
        try {
          decoded = decodedFrom(changed);
        } catch (error) {
          assert.ok(invalid(error));
          return;
        }
        assert.notEqual(artifactRecordHash(decoded), artifactRecordHash(signed));
        assert.throws(() => verifyArtifact(decoded, CHAIN, OWNER), invalid);
      }),
    );
  });
});

/** Records that often tie in time and content: only the signature tells the last ones apart. */
const arbitraryRecord: fc.Arbitrary<ArtifactRecord> = fc
  .record({ updatedAt: fc.integer({ min: 1, max: 3 }), name: fc.constantFrom("a", "b"), variant: fc.nat(2) })
  .map(({ updatedAt, name, variant }) => {
    const signed = record({ updatedAt, content: { name } });
    return { ...signed, signature: signed.signature.map((byte, i) => (i === 0 ? byte ^ variant : byte)) };
  });

const sameHash = (a: ArtifactRecord, b: ArtifactRecord): void =>
  assert.equal(artifactRecordHash(a), artifactRecordHash(b));

describe("merging records", () => {
  it("is commutative, associative and idempotent", () => {
    fc.assert(
      fc.property(arbitraryRecord, arbitraryRecord, arbitraryRecord, (a, b, c) => {
        sameHash(mergeArtifacts(a, b), mergeArtifacts(b, a));
        sameHash(mergeArtifacts(mergeArtifacts(a, b), c), mergeArtifacts(a, mergeArtifacts(b, c)));
        sameHash(mergeArtifacts(a, a), a);
      }),
    );
  });

  it("ends in one record for any order, duplication and grouping of arrival", () => {
    const scenario = fc
      .array(arbitraryRecord, { minLength: 1, maxLength: 8 })
      .chain((records) =>
        fc.tuple(
          fc.constant(records),
          fc.shuffledSubarray([...records, ...records], { minLength: records.length * 2 }),
          fc.nat(records.length * 2),
        ),
      );
    fc.assert(
      fc.property(scenario, ([records, arrivals, cut]) => {
        const [first, ...rest] = records;
        assert.ok(first);
        const expected = rest.reduce(mergeArtifacts, first);
        const groups = [arrivals.slice(0, cut), arrivals.slice(cut)].filter((group) => group.length > 0);
        const merged = groups.map((group) => group.reduce(mergeArtifacts)).reduce(mergeArtifacts);
        sameHash(merged, expected);
      }),
    );
  });

  it("orders totally: only the same record compares as equal, and the later date always wins", () => {
    fc.assert(
      fc.property(arbitraryRecord, arbitraryRecord, (a, b) => {
        const order = compareArtifacts(a, b);
        assert.equal(Math.sign(order), -Math.sign(compareArtifacts(b, a)) + 0);
        assert.equal(order === 0, artifactRecordHash(a) === artifactRecordHash(b));
        if (a.updatedAt > b.updatedAt) sameHash(mergeArtifacts(a, b), a);
      }),
    );
  });
});

describe("integrity hashes", () => {
  it("are the hashes that anyone can recompute from an account and an artifact", () => {
    const root = `0x${"11".repeat(32)}` as const;
    const zero = `0x${"00".repeat(32)}` as const;
    const state = { address: CHILD, nonce: 1n, balance: 0n, storageRoot: root, codeHash: CODE_HASH };
    const bytes = encodeRlp([
      hexToBytes(CHILD),
      new Uint8Array([1]),
      new Uint8Array(0),
      hexToBytes(root),
      hexToBytes(CODE_HASH),
    ]);
    assert.equal(stateHash(state), bytesToHex(keccak256(bytes)));
    const joined = new Uint8Array([...hexToBytes(stateHash(state)), ...hexToBytes(zero)]);
    assert.equal(integrityHash(stateHash(state), zero), bytesToHex(keccak256(joined)));
  });
});
