/** Core's verification in a real browser, of what a real node answers. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Hex } from "@counterpart/core/base/bytes";
import { type ProcessNode, ProcessNodes } from "../processes/process-node.ts";
import { bundlePage } from "./bundle.ts";
import {
  accountsOf,
  balanceSlot,
  codeFrom,
  deployMinted,
  LOWEST,
  nodesOf,
  type ProofAnswer,
  proofFrom,
  proofPath,
  rangeOf,
  type Shown,
  storageOf,
  WALLETS,
  walletOf,
} from "./chain.ts";
import { type Browser, CHROMIUM_VARIABLE, findChromium, openBrowser } from "./chromium.ts";
import type { Outcome, Questions, Range } from "./page.ts";

/** What the page may take to load, half as much again as it does: nothing great gets in unnoticed. */
const GZIP_BYTES_MAX = 40_000;
const NOBODY: Hex = `0x${"ab".repeat(20)}`;
const REFUSED: Outcome = { code: "INVALID_PROOF" };

const CLAIMS = [
  ...(["address", "exists", "nonce", "balance", "code_hash", "storage_root"] as const),
  ...(["block_hash", "block_number", "state_root"] as const),
];

interface Scene {
  readonly browser: Browser;
  readonly node: ProcessNode;
  readonly token: Hex;
  /** The head, which stays: nothing is sent to the node any more. */
  readonly block: string;
  readonly signers: readonly Hex[];
}

/** What the page must refuse, each by a name of its own. */
async function refuses<Name extends keyof Questions>(
  browser: Browser,
  name: Name,
  spoilt: Readonly<Record<string, Questions[Name]>>,
): Promise<void> {
  for (const [what, question] of Object.entries(spoilt)) {
    assert.deepEqual(await browser.ask(name, question), REFUSED, what);
  }
}

const bytesIn = (parts: readonly Hex[]): number => parts.reduce((sum, part) => sum + part.length / 2 - 1, 0);

/** Another value of the same kind: other digits, or the other truth. */
function altered(value: unknown): unknown {
  if (typeof value === "number") return value + 1;
  if (typeof value === "boolean") return !value;
  const text = String(value);
  return text.slice(0, -1) + (text.endsWith("1") ? "2" : "1");
}

async function proven<Name extends keyof Questions>(
  browser: Browser,
  name: Name,
  question: Questions[Name],
): Promise<Record<string, unknown>> {
  const outcome = await browser.ask(name, question);
  assert.ok("proven" in outcome, JSON.stringify(outcome));
  return outcome.proven as Record<string, unknown>;
}

async function checkHeaders({ browser, node, token, block, signers }: Scene): Promise<void> {
  const { header, block_hash, block_number, state_root } = await proofFrom(node, { address: token, slots: [] }, block);
  const expected = { hash: block_hash, number: block_number, stateRoot: state_root };
  const ask = (trusted: readonly Hex[]) => browser.ask("header", { header, signers: trusted });
  assert.deepEqual(await ask(signers), { proven: { ...expected, certified: "signer" } });
  assert.deepEqual(await ask([]), { proven: { ...expected, certified: "none" } });
  assert.deepEqual(await ask([NOBODY]), REFUSED);
  const spoilt = await browser.askWithEachByteSpoilt("header", { header, signers }, "header");
  assert.deepEqual(spoilt, { INVALID_PROOF: bytesIn([header]) });
}

/** The page asks the node by itself, as a page of an application would. */
async function checkFetched({ browser, node, token, block, signers }: Scene): Promise<void> {
  const slots = [balanceSlot(walletOf(4)), balanceSlot(NOBODY), balanceSlot(walletOf(0))];
  for (const [address, values] of [
    [token, ["5", "0", "1"]],
    [NOBODY, ["0", "0", "0"]],
  ] as const) {
    const query = { address, slots };
    const url = `${node.api}/api/v1/${proofPath(query, block)}`;
    const found = await proven(browser, "fetched", { url, query, signers });
    const { body } = await node.get(`contracts/${token}`);
    assert.deepEqual([found.hash, found.certified, found.slots], [block, "signer", values]);
    const account = found.account as Record<string, unknown> | null;
    assert.equal(account?.storageRoot, address === token ? body.storage_root : undefined);
    assert.equal(account?.codeHash, address === token ? body.code_hash : undefined);
  }
}

async function checkSpoiltNodes({ browser, node, token, block }: Scene): Promise<void> {
  for (const query of [
    { address: token, slots: [balanceSlot(walletOf(4)), balanceSlot(NOBODY)] },
    { address: NOBODY, slots: [] },
  ]) {
    const answer = await proofFrom(node, query, block);
    const question = { root: answer.state_root, query, proof: nodesOf(answer) };
    assert.ok("proven" in (await browser.ask("state", question)));
    const spoilt = await browser.askWithEachByteSpoilt("state", question, "proof");
    assert.deepEqual(spoilt, { INVALID_PROOF: bytesIn(question.proof) });
    await refuses(browser, "state", { "with a node of no use": { ...question, proof: [...question.proof, "0xc0"] } });
    for (let at = 0; at < question.proof.length; at++) {
      await refuses(browser, "state", {
        [`without node ${at}`]: { ...question, proof: question.proof.toSpliced(at, 1) },
        [`with node ${at} twice`]: { ...question, proof: [...question.proof, question.proof[at] as Hex] },
      });
    }
  }
}

/** Nodes that hold, and an answer that says something else than they do. */
async function checkSpoiltClaims({ browser, node, token, block, signers }: Scene): Promise<void> {
  const query = { address: token, slots: [balanceSlot(walletOf(4)), balanceSlot(NOBODY)] };
  const honest = await proofFrom(node, query, block);
  const ask = (changes: Partial<ProofAnswer>) => ({ answer: { ...honest, ...changes }, query, signers });
  assert.ok("proven" in (await browser.ask("answer", ask({}))));
  const { account_proof: _nodes, storage_proof, header: _header, ...claims } = honest;
  for (const name of CLAIMS) await refuses(browser, "answer", { [name]: ask({ [name]: altered(claims[name]) }) });
  const [present, absent] = storage_proof;
  assert.ok(present?.value === "5" && absent?.value === "0");
  const { header, block_hash, block_number, state_root } = await proofFrom(node, query, `${honest.block_number - 1}`);
  await refuses(browser, "answer", {
    "another value": ask({ storage_proof: [{ ...present, value: "6" }, absent] }),
    "a present slot claimed absent": ask({ storage_proof: [{ ...present, value: "0" }, absent] }),
    "an absent slot claimed present": ask({ storage_proof: [present, { ...absent, value: "5" }] }),
    "an absent slot shown by a present one": ask({ storage_proof: [present, { ...present, slot: absent.slot }] }),
    "a present slot shown by an absent one": ask({ storage_proof: [{ ...absent, slot: present.slot }, absent] }),
    "the slots in another order": ask({ storage_proof: [absent, present] }),
    "the header of another block": ask({ header, block_hash, block_number, state_root }),
  });
}

/** An account that is not there, claimed to be; one that is, claimed not to be. */
async function checkSpoiltAbsence({ browser, node, token, block, signers }: Scene): Promise<void> {
  const [there, nowhere] = [token, NOBODY].map((address) => ({ address, slots: [] }));
  assert.ok(there !== undefined && nowhere !== undefined);
  const [present, absent] = [await proofFrom(node, there, block), await proofFrom(node, nowhere, block)];
  assert.deepEqual([present.exists, absent.exists], [true, false]);
  const { account_proof: _, ...nothing } = absent;
  await refuses(browser, "answer", {
    "an absent account claimed present": { answer: { ...absent, exists: true }, query: nowhere, signers },
    "an absent account shown by a present one": {
      ...{ answer: { ...present, address: absent.address }, query: nowhere, signers },
    },
    "a present account claimed absent": { answer: { ...present, exists: false }, query: there, signers },
    "a present account claimed to hold nothing": {
      ...{ answer: { ...present, ...nothing, address: present.address }, query: there, signers },
    },
    "a present account shown by an absent one": {
      ...{ answer: { ...absent, address: present.address }, query: there, signers },
    },
  });
}

/** Seven rows of a range, of which something is wrong. */
function spoiltRanges(shown: Shown): Record<string, Range> {
  const range = rangeOf(shown, 3, 7);
  const [first, second, third, ...rest] = range.rows;
  const other = shown.rows.find(({ value }) => value !== second?.value);
  assert.ok(first !== undefined && second !== undefined && third !== undefined && other !== undefined);
  const beside: Hex = `${second.key.slice(0, -2)}${second.key.endsWith("00") ? "01" : "00"}` as Hex;
  const added = [...range.rows, { ...other, key: beside }].toSorted((a, b) => (a.key < b.key ? -1 : 1));
  return {
    "with a gap": { ...range, rows: [first, second, ...rest] },
    "without its first row": { ...range, rows: [second, third, ...rest] },
    "without its last row": { ...range, rows: range.rows.slice(0, -1) },
    "with a row that is not there": { ...range, rows: added },
    "with a row under another's key": { ...range, rows: [first, { ...second, key: beside }, third, ...rest] },
    "with another value": { ...range, rows: [first, { ...second, value: other.value }, third, ...rest] },
    "out of order": { ...range, rows: [second, first, third, ...rest] },
    "said to start earlier": { ...range, start: LOWEST },
    "said to be empty": { ...range, rows: [] },
    "of another trie": { ...range, root: LOWEST },
  };
}

async function checkRange(browser: Browser, name: "accounts" | "slots", shown: Shown): Promise<void> {
  const count = shown.rows.length;
  const pages: readonly (readonly [Range, boolean])[] = [
    [rangeOf(shown, 0, count), false],
    [rangeOf(shown, 0, 5), true],
    [rangeOf(shown, 5, count - 5), false],
    [rangeOf(shown, 3, 7), true],
  ];
  for (const [range, more] of pages) assert.equal((await proven(browser, name, range)).more, more);
  await refuses(browser, name, spoiltRanges(shown));
  const range = rangeOf(shown, 3, 7);
  const spoilt = await browser.askWithEachByteSpoilt(name, range, "proof");
  assert.deepEqual(spoilt, { INVALID_PROOF: bytesIn(range.proof) });
}

async function checkCode({ browser, node, token, block }: Scene): Promise<void> {
  const { code_hash: codeHash } = await proofFrom(node, { address: token, slots: [] }, block);
  const code = await codeFrom(node, token);
  assert.deepEqual(await browser.ask("code", { codeHash, code }), { proven: true });
  for (const spoilt of [`${code}00`, code.slice(0, -2), "0x"] as Hex[]) {
    assert.deepEqual(await browser.ask("code", { codeHash, code: spoilt }), REFUSED);
  }
}

test("a browser verifies what a node proves, and refuses all that was tampered with", async (t) => {
  const bundle = await bundlePage();
  await t.test("the bundle holds nothing but core and its cryptography, and stays small", (t) => {
    t.diagnostic(`the bundle: ${bundle.sizeBytes} bytes, ${bundle.gzipBytes} with gzip`);
    const foreign = /^(?!packages\/core\/src\/|node_modules\/@noble\/|conformance\/browser\/page\.ts$)/;
    assert.deepEqual(
      bundle.sources.filter((path) => foreign.test(path)),
      [],
    );
    assert.ok(bundle.gzipBytes <= GZIP_BYTES_MAX);
  });
  const executable = findChromium();
  if (executable === undefined) return t.skip(`no Chromium is installed, and ${CHROMIUM_VARIABLE} names none`);
  await using nodes = new ProcessNodes();
  await using browser = await openBrowser(executable, bundle.code);
  t.diagnostic(`Chromium ${browser.version}`);
  const node = await nodes.start("one");
  const token = await deployMinted(node);
  const { block_hash: block } = await proofFrom(node, { address: token, slots: [] });
  const scene: Scene = { browser, node, token, block, signers: [node.account as Hex] };
  const storage = await storageOf(node, token, block);
  const accounts = await accountsOf(node, token, block);
  assert.ok(storage.rows.length > WALLETS && accounts.rows.length > 10);

  await t.test("headers by their seal", () => checkHeaders(scene));
  await t.test("accounts and slots, there or not, that it fetches by itself", () => checkFetched(scene));
  await t.test("no proof with a byte or a node too many, too few or other", () => checkSpoiltNodes(scene));
  await t.test("no claim that the nodes do not prove", () => checkSpoiltClaims(scene));
  await t.test("no account that is not there, and none away that is", () => checkSpoiltAbsence(scene));
  await t.test("ranges of storage", () => checkRange(browser, "slots", storage));
  await t.test("ranges of accounts", () => checkRange(browser, "accounts", accounts));
  await t.test("code by its hash", () => checkCode(scene));
});
