import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bigIntToBytes, bigIntToFixedBytes, bytesToHex, type Hex, hexToBytes } from "../base/bytes.ts";
import { isCodedError } from "../base/errors.ts";
import { encodeAccount } from "../chain/account.ts";
import { EMPTY_CODE_HASH, encodeHeader, sealHeader } from "../chain/header.ts";
import type { Account, SealedHeader } from "../chain/types.ts";
import { encodeRlp } from "../codec/rlp.ts";
import { addSeal, draftHeader } from "../consensus/poa.ts";
import { checksumAddress, keccak256, keccak256Hex, privateKeyToAddress, signDigest } from "../crypto/crypto.ts";
import { proveKey } from "../trie/proof.ts";
import { createMemoryTrie } from "../trie/testing/memory-trie.ts";
import { EMPTY_TRIE_ROOT } from "../trie/types.ts";
import { verifyAnswer } from "./answer.ts";
import type { StateQuery } from "./state-proof.ts";

const KEY = new Uint8Array(32).fill(7);
const SIGNER = privateKeyToAddress(KEY);
const RULES = { signers: [SIGNER] };
const addressOf = (index: number): Hex => bytesToHex(bigIntToFixedBytes(BigInt(index + 1), 20));
const slotOf = (index: number): Hex => bytesToHex(bigIntToFixedBytes(BigInt(index), 32));
const hashed = (text: Hex): Uint8Array => keccak256(hexToBytes(text));

const storage = createMemoryTrie();
storage.apply(
  Array.from({ length: 20 }, (_, i) => ({ key: hashed(slotOf(i)), value: encodeRlp(bigIntToBytes(BigInt(i + 1))) })),
);
const CONTRACT: Account = { nonce: 1n, balance: 5n, storageRoot: storage.root, codeHash: keccak256Hex(KEY) };
const PLAIN: Account = { nonce: 0n, balance: 9n, storageRoot: EMPTY_TRIE_ROOT, codeHash: EMPTY_CODE_HASH };
const accounts = new Map(Array.from({ length: 20 }, (_, i) => [addressOf(i), i === 3 ? CONTRACT : PLAIN]));
const state = createMemoryTrie();
state.apply([...accounts].map(([address, account]) => ({ key: hashed(address), value: encodeAccount(account) })));

function sealed(key = KEY): SealedHeader {
  const parent = { hash: slotOf(1), number: 4, gasLimit: 60_000_000 } as SealedHeader;
  const draft = draftHeader({ parent, coinbase: privateKeyToAddress(key), timestamp: 9, vanity: new Uint8Array(32) });
  return addSeal({ ...draft, stateRoot: state.root }, (digest) => signDigest(digest, key));
}

/** As a node answers. */
function answerTo({ address, slots }: StateQuery, header = sealed()) {
  const account = accounts.get(address);
  const known = account?.storageRoot === storage.root;
  return {
    address: address.replace("a", "A"),
    exists: account !== undefined,
    nonce: `${account?.nonce ?? 0}`,
    balance: `${account?.balance ?? 0}`,
    code_hash: account?.codeHash ?? EMPTY_CODE_HASH,
    storage_root: account?.storageRoot ?? EMPTY_TRIE_ROOT,
    account_proof: proveKey(state.read, state.root, hashed(address)).map(bytesToHex),
    storage_proof: slots.map((slot) => ({
      slot,
      value: known && BigInt(slot) < 20n ? `${BigInt(slot) + 1n}` : "0",
      proof: known ? proveKey(storage.read, storage.root, hashed(slot)).map(bytesToHex) : [],
    })),
    block_hash: header.hash,
    block_number: header.number,
    state_root: header.stateRoot,
    header: bytesToHex(encodeHeader(header)),
  };
}

const OF_CONTRACT: StateQuery = { address: addressOf(3), slots: [slotOf(2), slotOf(30), slotOf(0)] };
const refused = (error: unknown): boolean => isCodedError(error, "INVALID_PROOF");

test("an answer is taken for what its nodes prove", () => {
  const { account, slots, certified, header } = verifyAnswer(answerTo(OF_CONTRACT), OF_CONTRACT, RULES);
  assert.deepEqual({ account, slots, certified }, { account: CONTRACT, slots: [3n, 0n, 1n], certified: "signer" });
  assert.equal(header.hash, sealed().hash);
  const plain = { address: addressOf(4), slots: [slotOf(0)] };
  const open = verifyAnswer(answerTo(plain), plain, { signers: [] });
  assert.deepEqual([open.account, open.certified], [PLAIN, "none"], "nobody stands for it where anyone may seal");
  const absent = { address: addressOf(25), slots: [slotOf(0)] };
  const nothing = verifyAnswer(answerTo(absent), absent, RULES);
  assert.deepEqual([nothing.account, nothing.slots], [undefined, [0n]]);
});

test("signers and address may have checksums, as genesis file and answer have them, and slots be short", () => {
  const signers = [checksumAddress(SIGNER)];
  const short = { ...OF_CONTRACT, slots: ["0x2", "0x1E", "0x0"] as const };
  assert.deepEqual(verifyAnswer(answerTo(OF_CONTRACT), short, { signers }).slots, [3n, 0n, 1n]);
  const absent = { address: SIGNER, slots: [] };
  const shown = checksumAddress(SIGNER);
  const answer = { ...answerTo(absent), address: shown };
  assert.equal(verifyAnswer(answer, { ...absent, address: shown }, RULES).account, undefined);
  const wrong = { signers: [SIGNER.slice(0, -1) as Hex] };
  assert.throws(() => verifyAnswer(answer, absent, wrong), { code: "INVALID_HEX" });
  for (const slot of ["7", "zz", "0x", `0x${"0".repeat(65)}`] as Hex[])
    assert.throws(() => verifyAnswer(answerTo(OF_CONTRACT), { ...OF_CONTRACT, slots: [slot] }, RULES), {
      code: "INVALID_HEX",
    });
});

test("an answer sealed by nobody, or by nobody who is listed, is refused", () => {
  const foreign = answerTo(OF_CONTRACT, sealed(new Uint8Array(32).fill(8)));
  assert.throws(() => verifyAnswer(foreign, OF_CONTRACT, RULES), refused);
  const unsealed = answerTo(OF_CONTRACT, sealHeader({ ...sealed(), extraData: new Uint8Array(32) }));
  assert.throws(() => verifyAnswer(unsealed, OF_CONTRACT, { signers: [] }), refused);
});

test("an answer to another question is refused", () => {
  for (const query of [
    { ...OF_CONTRACT, address: addressOf(4) },
    { ...OF_CONTRACT, address: addressOf(25) },
    { ...OF_CONTRACT, slots: [slotOf(2), slotOf(30)] },
    { ...OF_CONTRACT, slots: [slotOf(2), slotOf(30), slotOf(1)] },
    { ...OF_CONTRACT, slots: [slotOf(0), slotOf(2), slotOf(30)] },
  ]) {
    assert.throws(() => verifyAnswer(answerTo(OF_CONTRACT), query, RULES), refused);
  }
  const plain = { address: addressOf(4), slots: [] };
  assert.throws(() => verifyAnswer({ ...answerTo(plain), address: addressOf(5) }, plain, RULES), refused);
});

test("an answer may have nodes again and again, but no list that is too long", () => {
  const answer = answerTo(OF_CONTRACT);
  const { account_proof: proof } = answer;
  const repeated = (length: number) => ({
    ...answer,
    account_proof: [...proof, ...Array(length).fill(proof[0])].slice(0, length),
  });
  assert.deepEqual(verifyAnswer(repeated(16_384), OF_CONTRACT, RULES).account, CONTRACT);
  assert.throws(() => verifyAnswer(repeated(16_385), OF_CONTRACT, RULES), refused);
});

test("an answer of which anything is missing or something else is refused", () => {
  const answer: Record<string, unknown> = answerTo(OF_CONTRACT);
  const names = fc.constantFrom(...Object.keys(answer));
  const [first, ...others] = answerTo(OF_CONTRACT).storage_proof;
  fc.assert(
    fc.property(names, fc.jsonValue(), (name, value) => {
      fc.pre(JSON.stringify(value) !== JSON.stringify(answer[name]));
      assert.throws(() => verifyAnswer({ ...answer, [name]: value }, OF_CONTRACT, RULES), refused);
    }),
    { numRuns: 200 },
  );
  assert.throws(() => verifyAnswer({ ...answer, address: { toString: 0 } }, OF_CONTRACT, RULES), refused);
  fc.assert(
    fc.property(fc.constantFrom("slot", "value", "proof"), fc.jsonValue(), (name, value) => {
      const spoilt = { ...answer, storage_proof: [{ ...first, [name]: value }, ...others] };
      assert.throws(() => verifyAnswer(spoilt, OF_CONTRACT, RULES), refused);
    }),
    { numRuns: 200 },
  );
  fc.assert(
    fc.property(fc.jsonValue(), (value) => assert.throws(() => verifyAnswer(value, OF_CONTRACT, RULES), refused)),
  );
});
