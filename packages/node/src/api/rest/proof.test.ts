import assert from "node:assert/strict";
import { test } from "node:test";
import { bigIntToFixedBytes, bytesToHex, concatBytes, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { encodeAccount } from "@counterpart/core/chain/account";
import { createAddress } from "@counterpart/core/chain/address";
import { decodeHeader } from "@counterpart/core/chain/header";
import { encodeRlp, rlpBigInt } from "@counterpart/core/codec/rlp";
import { keccak256, keccak256Hex } from "@counterpart/core/crypto/crypto";
import { verifyHeader } from "@counterpart/core/verify/header";
import { verifyState } from "@counterpart/core/verify/state-proof";
import { verifyMerkleProof } from "@ethereumjs/mpt";
import {
  accountOf,
  createManualClock,
  creationOf,
  openTestEngine,
  transactionOf,
} from "../../engine/engine.test-support.ts";
import { createFakeBackend, hash32, openTestApi, type TestApi } from "../fake-backend.test-support.ts";

/** Creation of a contract that writes calldata[32] into slot calldata[0]. */
const WRITER = hexToBytes("0x666020355f3555005f5260076019f3");
const CONTRACT = createAddress(accountOf(1), 0n);
const NOBODY: Hex = `0x${"ab".repeat(20)}`;

const word = (value: number): Uint8Array => bigIntToFixedBytes(BigInt(value), 32);
const slot = (value: number): Hex => bytesToHex(word(value));

/** A contract in block 1, whose slot 5 is 6 in block 2 and 7 in block 3. */
async function openWritten(): Promise<TestApi> {
  const api = await openTestApi();
  await api.engine.submit(creationOf(1, 0, WRITER), "local");
  for (const [nonce, value] of [
    [1, 6],
    [2, 7],
  ] as const) {
    const data = concatBytes(word(5), word(value));
    await api.engine.submit(transactionOf(1, nonce, { to: CONTRACT, value: 0n, data }), "local");
  }
  return api;
}

interface Proof {
  readonly address: Hex;
  readonly exists: boolean;
  readonly nonce: string;
  readonly balance: string;
  readonly code_hash: Hex;
  readonly storage_root: Hex;
  readonly account_proof: readonly Hex[];
  readonly storage_proof: readonly { readonly slot: Hex; readonly value: string; readonly proof: readonly Hex[] }[];
  readonly block_hash: Hex;
  readonly block_number: number;
  readonly state_root: Hex;
  readonly header: Hex;
  readonly confirmations: number;
}

async function proofFrom(api: TestApi, address: Hex, query = ""): Promise<Proof> {
  const { status, json } = await api.get(`/api/v1/contracts/${address}/proof${query}`);
  assert.equal(status, 200, JSON.stringify(json));
  return json as unknown as Proof;
}

/** Checks an answer as somebody would who trusts nothing but the header's hash. */
function check(proof: Proof, slots: readonly Hex[], trusted: Hex) {
  assert.equal(keccak256Hex(hexToBytes(proof.header)), trusted);
  const header = decodeHeader(hexToBytes(proof.header));
  // The genesis is known by its hash and sealed by nobody.
  if (header.number > 0) assert.equal(verifyHeader(hexToBytes(proof.header), { signers: [] }).header.hash, trusted);
  const nodes = new Set([...proof.account_proof, ...proof.storage_proof.flatMap((one) => one.proof)]);
  const address = proof.address.toLowerCase() as Hex;
  const [proven] = verifyState(header.stateRoot, [{ address, slots }], [...nodes].map(hexToBytes));
  assert.ok(proven !== undefined);
  assert.equal(proven.account !== undefined, proof.exists);
  assert.deepEqual(
    proven.slots.map(String),
    proof.storage_proof.map(({ value }) => value),
  );
  return proven;
}

test("a proof of a contract and its slots holds against the header, at the head and at blocks before it", async () => {
  const api = await openWritten();
  const slots = [slot(5), slot(6)];
  for (const [block, value] of [
    [1, 0n],
    [2, 6n],
    [3, 7n],
  ] as const) {
    const trusted = api.engine.header(block)?.hash as Hex;
    for (const at of [String(block), trusted]) {
      const proof = await proofFrom(api, CONTRACT, `?slots=0x5,${slot(6)}&block=${at}`);
      const proven = check(proof, slots, trusted);
      assert.deepEqual(proven.slots, [value, 0n]);
      assert.equal(proven.account?.codeHash, keccak256Hex(WRITER.subarray(1, 8)));
      assert.deepEqual([proof.block_number, proof.confirmations], [block, 4 - block]);
    }
  }
  assert.deepEqual(check(await proofFrom(api, CONTRACT), [], api.engine.head().hash).slots, []);
});

test("another verifier of EIP-1186 comes to the same", async () => {
  const api = await openWritten();
  const proof = await proofFrom(api, CONTRACT, "?slots=0x5");
  const account = {
    nonce: BigInt(proof.nonce),
    balance: BigInt(proof.balance),
    storageRoot: proof.storage_root,
    codeHash: proof.code_hash,
  };
  const nodes = (list: readonly Hex[]): Uint8Array[] => list.map(hexToBytes);
  assert.deepEqual(
    await verifyMerkleProof(keccak256(hexToBytes(CONTRACT)), nodes(proof.account_proof), {
      root: hexToBytes(proof.state_root),
    }),
    encodeAccount(account),
  );
  assert.deepEqual(
    await verifyMerkleProof(keccak256(word(5)), nodes(proof.storage_proof[0]?.proof ?? []), {
      root: hexToBytes(proof.storage_root),
    }),
    encodeRlp(rlpBigInt(7n)),
  );
});

test("the absence of an account is proven as well", async () => {
  const api = await openWritten();
  const absent = await proofFrom(api, NOBODY, "?slots=0x1");
  assert.equal(check(absent, [slot(1)], api.engine.head().hash).account, undefined);
  const before = await proofFrom(api, CONTRACT, "?block=0");
  assert.equal(check(before, [], api.engine.genesisHash).account, undefined);
});

test("a proof at no block of the chain, or too long ago, is refused", async () => {
  const clock = createManualClock();
  const engine = openTestEngine({ clock });
  const api = await openTestApi({}, createFakeBackend(engine));
  for (let nonce = 0; nonce < 257; nonce++) {
    await engine.submit(transactionOf(1, nonce), "local");
    await engine.seal();
  }
  const path = `/api/v1/contracts/${CONTRACT}/proof`;
  for (const block of ["258", hash32("1")]) {
    const { status, json } = await api.get(`${path}?block=${block}`);
    assert.deepEqual([status, json.code], [404, "BLOCK_NOT_FOUND"]);
  }
  clock.advance(16 * 60 * 1_000);
  const { status, json } = await api.get(`${path}?block=1`);
  assert.deepEqual([status, json.code], [410, "PRUNED"]);
  assert.equal((await api.get(`${path}?block=2`)).status, 200);
});

test("a query that makes no sense is refused", async () => {
  const api = await openWritten();
  const many = Array.from({ length: 129 }, () => "0x1").join(",");
  for (const query of [
    "slots=5",
    "slots=0x",
    "slots=0x1,",
    `slots=0x${"1".repeat(65)}`,
    `slots=${many}`,
    "block=x",
    "a=1",
  ]) {
    const { status, json } = await api.get(`/api/v1/contracts/${CONTRACT}/proof?${query}`);
    assert.deepEqual([status, json.code], [400, "INVALID_REQUEST"], query);
  }
});
