import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { bigIntToBytes, bigIntToFixedBytes, bytesToHex, compareBytes, concatBytes } from "../base/bytes.ts";
import { CodedError, isCodedError } from "../base/errors.ts";
import { encodeAccount } from "../chain/account.ts";
import { createAddress } from "../chain/address.ts";
import { encodeRlp } from "../codec/rlp.ts";
import { keccak256, keccak256Hex } from "../crypto/crypto.ts";
import type { Message } from "../sync/message-types.ts";
import type {
  AccountRangeMessage,
  ContractIndexMessage,
  ContractOrigin,
  KeyedRow,
  NodesMessage,
  StateMessage,
  StorageMessage,
  StoragePage,
  WantedState,
} from "../sync/message-types-state.ts";
import { decodeMessage, encodeMessage } from "../sync/messages.ts";
import { encodeCompact, keyToNibbles } from "../trie/nibbles.ts";
import { proveKey } from "../trie/proof.ts";
import { proveRange } from "../trie/range-proof.ts";
import {
  type TrustedHeader,
  verifyAccountRangeAnswer,
  verifyCodes,
  verifyContractIndex,
  verifyExpectedNodes,
  verifyNodesAnswer,
  verifyStateAnswer,
  verifyStorageAnswer,
} from "./peer-answers.ts";
import { address, type Contract, contractOf, hashed, proofOf, slot, stateOf } from "./state.test-support.ts";

const LOWEST: Uint8Array = new Uint8Array(32);
const HIGHEST: Uint8Array = new Uint8Array(32).fill(255);
const OTHER = keccak256Hex(Uint8Array.of(1, 2, 3));

const at = <T>(list: readonly T[], index: number): T => list.at(index) as T;
const without = <T>(list: readonly T[], index: number): T[] => list.filter((_, i) => i !== index);
const replaced = <T>(list: readonly T[], index: number, item: NoInfer<T>): T[] =>
  list.map((old, i) => (i === index ? item : old));

/** Contracts 0 to 29; number n has n slots. */
const contracts = Array.from({ length: 30 }, (_, index) =>
  contractOf(index, new Map(Array.from({ length: index }, (_, i) => [slot(i), BigInt(i + 1) << BigInt(i * 7)]))),
);
const state = stateOf(contracts);
const header: TrustedHeader = { hash: keccak256Hex(Uint8Array.of(9)), number: 7, stateRoot: state.root };
const block = { hash: header.hash, number: header.number };

const accountRows = contracts
  .map(({ address: name, account }): KeyedRow => ({ key: hashed(name), value: encodeAccount(account) }))
  .sort((a, b) => compareBytes(a.key, b.key));
const slotRows = ({ values }: Contract): KeyedRow[] =>
  [...values]
    .map(([name, value]): KeyedRow => ({ key: hashed(name), value: bigIntToBytes(value) }))
    .sort((a, b) => compareBytes(a.key, b.key));

const CODES = ["INVALID_PROOF", "INVALID_RLP", "BAD_MESSAGE"] as const;
const refused = (check: () => unknown, what: string): void =>
  assert.throws(check, (error) => isCodedError(error, "INVALID_PROOF"), what);

/** The key after this one. */
const after = (key: Uint8Array): Uint8Array => bigIntToFixedBytes(BigInt(bytesToHex(key)) + 1n, 32);

function stateAnswer(wanted: readonly WantedState[]): StateMessage {
  const accounts = wanted.map(({ address: name, slots }) => {
    const found = contracts.find((one) => one.address === name);
    const values = slots.map((one) => found?.values.get(one) ?? 0n);
    return { address: name, ...(found === undefined ? {} : { account: found.account }), slots: values };
  });
  return { type: "Contracts", kind: "state", block, accounts, proof: proofOf(state, contracts, wanted) };
}

function rangeAnswer(accounts: readonly KeyedRow[], start = LOWEST): AccountRangeMessage {
  const proof = proveRange(state.read, state.root, start, accounts.at(-1)?.key);
  return { type: "Contracts", kind: "range", block, accounts, proof };
}

const whole = (one: Contract): StoragePage => ({ slots: slotRows(one), proof: [] });
function page({ storage }: Contract, slots: readonly KeyedRow[], start = LOWEST): StoragePage {
  return { slots, proof: proveRange(storage.read, storage.root, start, slots.at(-1)?.key) };
}
const storageOf = (pages: readonly StoragePage[]): StorageMessage => ({ type: "Storage", pages });
const wantedStorage = (list: readonly Contract[]) =>
  list.map(({ address: name, account }) => ({ account: bytesToHex(hashed(name)), root: account.storageRoot }));

const checkRange = (answer: AccountRangeMessage, start = LOWEST) => verifyAccountRangeAnswer(header, start, answer);

describe("an answer with accounts and slots by name", () => {
  const wanted: readonly WantedState[] = [
    { address: address(12), slots: [slot(3), slot(11), slot(50)] },
    { address: address(99), slots: [slot(1)] },
    { address: address(20), slots: [] },
    { address: address(25), slots: [slot(0), slot(1), slot(2)] },
  ];
  const honest = stateAnswer(wanted);
  const check = (answer: StateMessage) => verifyStateAnswer(header, wanted, answer);

  test("gives what was asked for, or the first part of it", () => {
    const proven = check(honest);
    assert.deepEqual(
      proven.map(({ account }) => account),
      [contracts[12]?.account, undefined, contracts[20]?.account, contracts[25]?.account],
    );
    assert.deepEqual(proven[0]?.slots, [4n << 21n, 12n << 77n, 0n]);
    assert.deepEqual(check(stateAnswer(wanted.slice(0, 2))), proven.slice(0, 2));
    const cut = [...wanted.slice(0, 3), { address: address(25), slots: [slot(0)] }];
    assert.deepEqual(at(check(stateAnswer(cut)), 3).slots, [1n]);
  });

  test("is refused with a swapped code, or any other part of the account", () => {
    const account = honest.accounts[0]?.account;
    assert.ok(account !== undefined);
    for (const change of [{ codeHash: OTHER }, { storageRoot: OTHER }, { nonce: 1n }, { balance: 1n }]) {
      const accounts = replaced(honest.accounts, 0, { ...at(honest.accounts, 0), account: { ...account, ...change } });
      refused(() => check({ ...honest, accounts }), Object.keys(change).join());
    }
    const { account: _, ...absent } = at(honest.accounts, 0);
    refused(() => check({ ...honest, accounts: replaced(honest.accounts, 0, absent) }), "said to be absent");
    const present = { ...at(honest.accounts, 1), account };
    refused(() => check({ ...honest, accounts: replaced(honest.accounts, 1, present) }), "said to be there");
  });

  test("is refused when slots are withheld, added or changed", () => {
    const first = at(honest.accounts, 0);
    const withSlots = (slots: readonly bigint[]) => ({
      ...honest,
      accounts: replaced(honest.accounts, 0, { ...first, slots }),
    });
    refused(() => check(withSlots(first.slots.slice(0, 2))), "withheld before other accounts");
    refused(() => check(withSlots([...first.slots, 0n])), "added");
    refused(() => check(withSlots(replaced(first.slots, 0, 5n))), "changed");
    refused(() => check(withSlots(replaced(first.slots, 0, 0n))), "said to be empty");
    refused(() => check(withSlots(replaced(first.slots, 2, 1n))), "said not to be empty");
    const none = stateAnswer([...wanted.slice(0, 3), { address: address(25), slots: [] }]);
    refused(() => check(none), "none of the last account's");
  });

  test("is refused with other accounts than asked for, or in another order", () => {
    const { accounts } = honest;
    refused(() => check(stateAnswer([{ address: address(13), slots: [slot(3)] }])), "another account");
    refused(() => check(stateAnswer([at(wanted, 1), at(wanted, 0)])), "another order");
    refused(() => check({ ...honest, accounts: without(accounts, 1) }), "a gap");
    refused(() => check(stateAnswer([...wanted, at(wanted, 0)])), "more than asked for");
    refused(() => check({ ...honest, block: { ...block, hash: OTHER } }), "another block");
    refused(() => check({ ...honest, block: { ...block, number: 8 } }), "another number");
    refused(() => verifyStateAnswer({ ...header, stateRoot: OTHER }, wanted, honest), "another root");
  });

  test("is refused with nodes missing, surplus or of another account's storage", () => {
    for (const index of honest.proof.keys()) {
      refused(() => check({ ...honest, proof: without(honest.proof, index) }), `without node ${index}`);
    }
    const surplus = proofOf(state, contracts, [{ address: address(29), slots: [slot(28)] }]);
    const more = surplus.filter((node) => !honest.proof.some((one) => compareBytes(one, node) === 0));
    assert.ok(more.length > 0);
    refused(() => check({ ...honest, proof: [...honest.proof, at(more, 0)] }), "one node more");
    refused(() => check({ ...honest, proof: [...honest.proof, at(honest.proof, 0)] }), "one node twice");
  });

  test("that holds nothing is a broken reply, not a forged one", () => {
    const empty: StateMessage = { ...honest, accounts: [], proof: [] };
    assert.throws(
      () => check(empty),
      (error) => isCodedError(error, "BAD_MESSAGE"),
    );
  });
});

describe("an answer with a range of accounts", () => {
  test("gives them page by page, and says from the proof alone whether more follow", () => {
    const seen: Uint8Array[] = [];
    let start = LOWEST;
    for (let more = true; more; ) {
      const rows = accountRows.filter(({ key }) => compareBytes(key, start) >= 0).slice(0, 7);
      const proven = checkRange(rangeAnswer(rows, start), start);
      seen.push(...proven.accounts.map(({ value }) => value));
      more = proven.more;
      start = after(at(rows, -1).key);
    }
    assert.deepEqual(
      seen,
      accountRows.map(({ value }) => value),
    );
    const end = after(at(accountRows, -1).key);
    assert.deepEqual(checkRange(rangeAnswer([], end), end), { accounts: [], more: false });
  });

  test("is refused with a gap", () => {
    const rows = accountRows.slice(0, 12);
    const honest = rangeAnswer(rows);
    assert.equal(checkRange(honest).accounts.length, 12);
    for (const index of rows.keys()) {
      const left = without(rows, index);
      refused(() => checkRange({ ...honest, accounts: left }), `without row ${index}, the same proof`);
      if (index < 11) refused(() => checkRange(rangeAnswer(left)), `without row ${index}, its own proof`);
    }
  });

  test("is refused with a hidden tail", () => {
    const rows = accountRows.slice(0, 12);
    const honest = rangeAnswer(rows);
    // A proof that the last account is the last of all would need other nodes: those of the end do not lead to it.
    refused(() => checkRange({ ...honest, accounts: rows.slice(0, 6) }), "the first half with the whole's proof");
    refused(() => checkRange({ ...rangeAnswer([]), accounts: rows }), "as if nothing followed");
    refused(() => checkRange(rangeAnswer([])), "as if there were none");
    const atEnd = rangeAnswer(accountRows);
    refused(() => checkRange({ ...atEnd, accounts: rows }), "with the proof of the end");
    // Cut rightly, it says itself that more follows.
    assert.equal(checkRange(honest).more, true);
    assert.equal(checkRange(atEnd).more, false);
  });

  test("is refused with an unproven start", () => {
    const start = after(at(accountRows, 4).key);
    const rows = accountRows.slice(5, 12);
    assert.equal(checkRange(rangeAnswer(rows, start), start).accounts.length, 7);
    const late = rangeAnswer(rows.slice(2), at(rows, 2).key);
    refused(() => checkRange(late, start), "it begins later, with the proof of that");
    const early = rangeAnswer(accountRows.slice(4, 12), at(accountRows, 4).key);
    refused(() => checkRange(early, start), "it begins before");
    const onlyEnd = proveKey(state.read, state.root, at(rows, -1).key);
    refused(() => checkRange({ ...rangeAnswer(rows, start), proof: onlyEnd }, start), "only the end is proven");
  });

  test("is refused with rows in another order, twice, changed or not in their one form", () => {
    const rows = accountRows.slice(0, 12);
    const honest = rangeAnswer(rows);
    refused(() => checkRange({ ...honest, accounts: [...rows].reverse() }), "order");
    refused(() => checkRange({ ...honest, accounts: [at(rows, 0), ...rows] }), "twice");
    for (const value of [at(accountRows, 20).value, new Uint8Array(0), Uint8Array.of(1), encodeRlp([LOWEST])]) {
      refused(() => checkRange({ ...honest, accounts: replaced(rows, 5, { key: at(rows, 5).key, value }) }), "value");
    }
    refused(
      () => checkRange({ ...honest, accounts: replaced(rows, 5, { ...at(rows, 5), key: after(at(rows, 5).key) }) }),
      "key",
    );
    refused(() => checkRange({ ...honest, block: { ...block, hash: OTHER } }), "block");
  });
});

describe("an answer with storages", () => {
  const some = [at(contracts, 9), at(contracts, 0), at(contracts, 17), at(contracts, 29)];
  const wanted = wantedStorage(some);
  const last = slotRows(at(some, 3));
  const honest = storageOf([...some.slice(0, 3).map(whole), page(at(some, 3), last.slice(0, 10))]);
  const check = (pages: readonly StoragePage[], start = LOWEST) => verifyStorageAnswer(wanted, start, storageOf(pages));

  test("gives whole storages without proof and the last with its ends", () => {
    const proven = verifyStorageAnswer(wanted, LOWEST, honest);
    assert.deepEqual(
      proven.map(({ slots, more }) => [slots.length, more]),
      [
        [9, false],
        [0, false],
        [17, false],
        [10, true],
      ],
    );
    assert.equal(check(some.map(whole)).length, 4);
    const next = after(at(last, 9).key);
    const rest = storageOf([page(at(some, 3), last.slice(10), next), whole(at(some, 0))]);
    const again = verifyStorageAnswer(wantedStorage([at(some, 3), at(some, 0)]), next, rest);
    assert.deepEqual(
      again.map(({ slots, more }) => [slots.length, more]),
      [
        [19, false],
        [9, false],
      ],
    );
  });

  test("is refused with a gap, a hidden tail or an unproven start", () => {
    const { pages } = honest;
    const first = at(pages, 0);
    for (const index of first.slots.keys()) {
      const gap = { slots: without(first.slots, index), proof: [] };
      refused(() => check(replaced(pages, 0, gap)), `a whole storage without slot ${index}`);
    }
    const cut = page(at(some, 2), slotRows(at(some, 2)).slice(0, 5));
    refused(() => check(replaced(pages, 2, cut)), "a cut storage before another one");
    refused(() => check(replaced(pages, 3, { ...at(pages, 3), proof: [] })), "a cut storage as a whole one");
    const lastGap = page(at(some, 3), without(last.slice(0, 10), 4));
    refused(() => check(replaced(pages, 3, lastGap)), "a gap in the last one");
    const start = at(last, 5).key;
    const late = storageOf([page(at(some, 3), last.slice(8), at(last, 8).key)]);
    refused(() => verifyStorageAnswer(wanted.slice(3), start, late), "it begins later");
    const unproven = storageOf([{ slots: last.slice(5), proof: [] }]);
    refused(() => verifyStorageAnswer(wanted.slice(3), start, unproven), "no proof of the start");
    const hidden = storageOf([page(at(some, 3), last.slice(5, 9), start), whole(at(some, 0))]);
    refused(
      () => verifyStorageAnswer(wantedStorage([at(some, 3), at(some, 0)]), start, hidden),
      "a first page that is cut before another one",
    );
  });

  test("is refused with slots of another account, under a wrong hash, or with values not in their one form", () => {
    const { pages } = honest;
    refused(() => check([at(pages, 2), ...pages.slice(1)]), "another account's");
    refused(() => check([...some, at(contracts, 3)].map(whole)), "a storage that was not asked for");
    const rows = at(pages, 0).slots;
    const spoilt = (row: KeyedRow) => replaced(pages, 0, { slots: replaced(rows, 4, row), proof: [] });
    const preimage = { key: concatBytes(LOWEST.subarray(1), Uint8Array.of(4)), value: at(rows, 4).value };
    refused(() => check(spoilt(preimage)), "a slot's name instead of its hash");
    refused(() => check(spoilt({ ...at(rows, 4), key: hashed(slot(70)) })), "another slot's hash");
    for (const value of [new Uint8Array(0), Uint8Array.of(0), concatBytes(Uint8Array.of(0), at(rows, 4).value)]) {
      refused(() => check(spoilt({ ...at(rows, 4), value })), "value");
    }
  });

  test("is refused with nodes that nothing needs", () => {
    const { pages } = honest;
    const proven = page(at(some, 0), slotRows(at(some, 0)));
    refused(() => check(replaced(pages, 0, proven)), "the proof of a whole storage before another one");
    const surplus = [...at(pages, 3).proof, at(proveKey(state.read, state.root, LOWEST), 0)];
    refused(() => check(replaced(pages, 3, { ...at(pages, 3), proof: surplus })), "a node of the account trie");
  });
});

describe("an answer with nodes or codes", () => {
  const paths = [...state.nodes.keys()].slice(0, 6);
  const nodes = paths.map((path) => state.nodes.get(path) as Uint8Array);
  const hashes = nodes.map(keccak256Hex);
  const check = (list: readonly Uint8Array[]) => verifyNodesAnswer(hashes, { type: "Nodes", nodes: list });

  test("gives nodes by their hash, as many as it holds", () => {
    assert.deepEqual(
      check(nodes).map(({ bytes }) => bytes),
      nodes,
    );
    assert.equal(check(nodes.slice(0, 2)).length, 2);
  });

  test("gives the nodes that a trie has at the paths where they were expected", () => {
    const absent = "0123456789abcdef".repeat(4);
    const expected = [...state.nodes.keys(), absent].sort();
    const given = expected.map((path) => state.nodes.get(path) ?? new Uint8Array(0));
    const answer = (list: readonly Uint8Array[]) =>
      verifyExpectedNodes(state.root, expected, { type: "Nodes", nodes: list });
    const proven = answer(given);
    assert.deepEqual(
      [...proven.keys()],
      expected.filter((path) => path !== absent),
    );
    for (const [path, { bytes }] of proven) assert.equal(bytes, state.nodes.get(path));
    assert.equal(answer(given.slice(0, 2)).size, 2);
    // What hangs on nothing that is proven is not looked at, and not given.
    const loose = expected.slice(1);
    assert.equal(verifyExpectedNodes(state.root, loose, { type: "Nodes", nodes: given.slice(1) }).size, 0);
    refused(() => answer(replaced(given, 0, at(given, 1))), "another root");
    refused(() => answer(replaced(given, 1, new Uint8Array(0))), "withheld");
    refused(() => answer(replaced(given, 1, at(given, 0))), "exchanged");
    refused(() => answer([...given, at(given, 0)]), "not asked for");
    assert.throws(
      () => answer([]),
      (error) => isCodedError(error, "BAD_MESSAGE"),
    );
  });

  test("is refused when nodes are withheld, exchanged, spoilt or not asked for", () => {
    refused(() => check(replaced(nodes, 2, new Uint8Array(0))), "withheld");
    refused(() => check([at(nodes, 1), at(nodes, 0)]), "exchanged");
    refused(() => check([...nodes, at(nodes, 0)]), "not asked for");
    refused(() => check(replaced(nodes, 0, at(nodes, 0).slice(1))), "spoilt");
    assert.throws(
      () => check([]),
      (error) => isCodedError(error, "BAD_MESSAGE"),
    );
  });

  test("is refused for bytes that have the hash asked for and are no node", () => {
    for (const bytes of [Uint8Array.of(0xc0), encodeRlp([LOWEST]), LOWEST, encodeRlp([LOWEST, LOWEST, LOWEST])]) {
      refused(() => verifyNodesAnswer([keccak256Hex(bytes)], { type: "Nodes", nodes: [bytes] }), bytesToHex(bytes));
    }
  });

  test("is refused with a code swapped for another", () => {
    const codes = [Uint8Array.of(1), Uint8Array.of(2)];
    const known = codes.map(keccak256Hex);
    assert.deepEqual(verifyCodes(known, codes), codes);
    assert.deepEqual(verifyCodes(known, [undefined, at(codes, 1)]), [undefined, at(codes, 1)]);
    refused(() => verifyCodes(known, [at(codes, 1), at(codes, 0)]), "exchanged");
    refused(() => verifyCodes(known, [Uint8Array.of(3)]), "another");
    refused(() => verifyCodes(known.slice(0, 1), codes), "one more");
    refused(() => verifyCodes(known.slice(0, 1), [undefined, undefined]), "one more, though it is none");
    assert.throws(() => verifyCodes(known, []), { code: "BAD_MESSAGE" });
  });
});

describe("proof nodes that are malformed, cyclic or huge", () => {
  const wanted = [{ address: address(4), slots: [] }];
  const path = keyToNibbles(hashed(address(4)));
  /** An answer whose proof has these bytes as root. */
  const rootedIn = (root: Uint8Array, more: readonly Uint8Array[] = []) => {
    const answer: StateMessage = { ...stateAnswer(wanted), proof: [root, ...more] };
    return () => verifyStateAnswer({ ...header, stateRoot: keccak256Hex(root) }, wanted, answer);
  };

  test("malformed ones are refused though a header vouches for their hash", () => {
    const odd = encodeRlp([encodeCompact("", true)]);
    const short = encodeRlp(Array.from({ length: 16 }, () => new Uint8Array(0)));
    for (const root of [odd, short, Uint8Array.of(0xff), Uint8Array.of(0x80, 0x80), encodeRlp([]), new Uint8Array(0)]) {
      refused(rootedIn(root), bytesToHex(root));
      const answer = { ...rangeAnswer([]), proof: [root] };
      refused(
        () => verifyAccountRangeAnswer({ ...header, stateRoot: keccak256Hex(root) }, LOWEST, answer),
        `a range from ${bytesToHex(root)}`,
      );
    }
  });

  test("a node that leads back to the one above it is refused", () => {
    const above = encodeRlp([encodeCompact(path.slice(0, 1), false), keccak256(Uint8Array.of(1))]);
    // Whoever closes a circle changes the hash that closes it: one of the references leads nowhere.
    const back = encodeRlp([encodeCompact(path.slice(1, 2), false), keccak256(above)]);
    const again = encodeRlp([encodeCompact(path.slice(0, 1), false), keccak256(back)]);
    refused(rootedIn(again, [back, above]), "two extensions");
    const branch = (child: Uint8Array) =>
      encodeRlp(Array.from({ length: 17 }, (_, i) => (i === 16 ? new Uint8Array(0) : child)));
    const lower = branch(keccak256(Uint8Array.of(1)));
    refused(rootedIn(branch(keccak256(lower)), [lower]), "branches without end");
    // Under one hash there is room for one node only, so the walk ends with the nodes there are.
    refused(rootedIn(branch(keccak256(lower)), [lower, lower]), "a node twice");
  });

  test("a chain of nodes longer than any key is refused", () => {
    const chain = [branchTo(keccak256(Uint8Array.of(1)))];
    for (let depth = 0; depth < 70; depth++) chain.unshift(branchTo(keccak256(at(chain, 0))));
    refused(rootedIn(at(chain, 0), chain.slice(1)), "by name");
    const answer = { ...rangeAnswer([]), proof: chain };
    refused(
      () => verifyAccountRangeAnswer({ ...header, stateRoot: keccak256Hex(at(chain, 0)) }, HIGHEST, answer),
      "range",
    );
  });

  test("huge ones are refused before anything is made of them", () => {
    const huge = encodeRlp([encodeCompact(path, true), new Uint8Array(2_000)]);
    const answers: readonly Message[] = [
      { ...stateAnswer(wanted), proof: [huge] },
      { ...rangeAnswer([]), proof: [huge] },
      storageOf([{ slots: [], proof: [huge] }]),
      { type: "Nodes", nodes: [huge] } satisfies NodesMessage,
    ];
    for (const answer of answers) {
      const frame = encodeMessage(answer);
      assert.throws(
        () => decodeMessage(frame),
        (error) => isCodedError(error, "INVALID_RLP") && /longer than 1024/.test(error.message),
        answer.type,
      );
    }
  });
});

/** A branch with one child at every nibble, so that every key goes through it. */
function branchTo(child: Uint8Array): Uint8Array {
  return encodeRlp(Array.from({ length: 17 }, (_, i) => (i === 16 ? new Uint8Array(0) : child)));
}

describe("an answer that says where contracts come from", () => {
  const owner = address(1);
  const created: ContractOrigin = { address: createAddress(owner, 300n), owner, creationNonce: 300n };
  const child: ContractOrigin = { address: address(2), owner };
  const ofGenesis: ContractOrigin = { address: address(3) };
  const accounts = [created, child, ofGenesis].map((origin) => bytesToHex(hashed(origin.address)));
  const answerOf = (...entries: (ContractOrigin | undefined)[]): ContractIndexMessage => ({
    ...{ type: "Contracts", kind: "index", entries },
  });
  const check = (...entries: (ContractOrigin | undefined)[]) => verifyContractIndex(accounts, answerOf(...entries));

  test("gives the origin of each, or of the first ones, or says that it knows none", () => {
    for (const entries of [[created, child, ofGenesis], [created], [undefined, child], [undefined, undefined]]) {
      assert.deepEqual(check(...entries), entries);
    }
  });

  test("is refused with another contract, or one that its owner cannot have created so", () => {
    refused(() => check(child), "another contract");
    refused(() => check(undefined, created), "in another's place");
    refused(() => check({ ...created, creationNonce: 301n }), "another nonce");
    refused(() => check({ ...created, owner: address(9) }), "another owner");
    refused(() => check(created, { ...child, creationNonce: 0n }), "a nonce made up for a factory's child");
  });

  test("is refused with more than was asked for, or nothing", () => {
    refused(() => check(created, child, ofGenesis, undefined), "too many");
    assert.throws(() => check(), { code: "BAD_MESSAGE" });
    assert.deepEqual(verifyContractIndex([], answerOf()), []);
  });
});

describe("whatever is changed in an answer", () => {
  const named: readonly WantedState[] = [
    { address: address(12), slots: [slot(3), slot(50)] },
    { address: address(99), slots: [] },
  ];
  const start = after(at(accountRows, 3).key);
  const storages = [at(contracts, 9), at(contracts, 29)];
  const cases: readonly { readonly answer: Message; readonly verify: (answer: Message) => unknown }[] = [
    { answer: stateAnswer(named), verify: (answer) => verifyStateAnswer(header, named, answer as StateMessage) },
    {
      answer: rangeAnswer(accountRows.slice(4, 15), start),
      verify: (answer) => verifyAccountRangeAnswer(header, start, answer as AccountRangeMessage),
    },
    {
      answer: storageOf([whole(at(storages, 0)), page(at(storages, 1), slotRows(at(storages, 1)).slice(0, 8))]),
      verify: (answer) => verifyStorageAnswer(wantedStorage(storages), LOWEST, answer as StorageMessage),
    },
  ];

  test("it is refused, with a code", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...cases),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        ({ answer, verify }, n, bits) => {
          assert.ok(verify(answer));
          const frame = encodeMessage(answer);
          const index = n % frame.length;
          frame[index] = (frame[index] as number) ^ bits;
          assert.throws(
            () => {
              const read = decodeMessage(frame);
              if (read.type !== answer.type || ("kind" in read && "kind" in answer && read.kind !== answer.kind)) {
                throw new CodedError("BAD_MESSAGE", "another message");
              }
              verify(read);
            },
            (error) => CODES.some((code) => isCodedError(error, code)),
          );
        },
      ),
      { numRuns: 600 },
    );
  });
});
