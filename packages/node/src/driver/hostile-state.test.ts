import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeBlock } from "@counterpart/core/chain/block";
import type { Message, Request } from "@counterpart/core/sync/message-types";
import { transactionOf } from "../engine/engine.test-support.ts";
import { word } from "./fake-chain.test-support.ts";
import {
  type Answer,
  block,
  codeHashes,
  contract,
  createStateWorld,
  hashed,
  LOWEST,
  rootNode,
  type StateWorld,
  servedTo,
  slot,
  storageOf,
} from "./state-source.test-support.ts";
import type { StateSource } from "./state-source.ts";

const OWNER = contract(1);

type Served<T extends Message["type"]> = Extract<Message, { readonly type: T }>;
type Contracts<K extends Served<"Contracts">["kind"]> = Extract<Served<"Contracts">, { readonly kind: K }>;

const without = <T>(list: readonly T[], at: number): T[] => list.filter((_, index) => index !== at);
const changed = <T>(list: readonly T[], at: number, change: (item: T) => T): T[] =>
  list.map((item, index) => (index === at ? change(item) : item));
/** The bytes with the last one changed. */
const flipped = (bytes: Uint8Array): Uint8Array => bytes.with(bytes.length - 1, (bytes.at(-1) ?? 0) ^ 1);

/** A lie, in an honest answer's place. */
interface Lie<A extends Message> {
  readonly what: string;
  readonly fault?: "WRONG_REPLY";
  tell(answer: A): Message | Uint8Array;
}

interface Case {
  readonly kind: string;
  ask(source: StateSource): Promise<unknown>;
  readonly lies: readonly Lie<Message>[];
}

function caseOf<A extends Message>(kind: string, ask: Case["ask"], lies: readonly Lie<A>[]): Case {
  return { kind, ask, lies: lies as readonly Lie<Message>[] };
}

/** What can be wrong with an answer of any kind. */
const ANY: readonly Lie<Message>[] = [
  { what: "bytes that are no message", fault: "WRONG_REPLY", tell: () => new Uint8Array(100).fill(0xff) },
  { what: "no bytes", fault: "WRONG_REPLY", tell: () => new Uint8Array(0) },
  { what: "an answer to something else", fault: "WRONG_REPLY", tell: () => ({ type: "Headers", headers: [] }) },
];
const otherKind: Lie<Message> = {
  what: "contracts of another kind",
  fault: "WRONG_REPLY",
  tell: () => ({ type: "Contracts", kind: "accounts", block: { hash: block.hash, number: 0 }, accounts: [] }),
};

const CASES: readonly Case[] = [
  caseOf<Contracts<"range">>("accounts", (source) => source.accounts(block, LOWEST), [
    otherKind,
    { what: "a gap", tell: (answer) => ({ ...answer, accounts: without(answer.accounts, 7) }) },
    { what: "a hidden start", tell: (answer) => ({ ...answer, accounts: answer.accounts.slice(1) }) },
    { what: "a hidden tail", tell: (answer) => ({ ...answer, accounts: answer.accounts.slice(0, -1) }) },
    { what: "nothing, said to be all", tell: (answer) => ({ ...answer, accounts: [] }) },
    {
      what: "a changed account",
      tell: (answer) => ({
        ...answer,
        accounts: changed(answer.accounts, 3, ({ key, value }) => ({ key, value: flipped(value) })),
      }),
    },
    {
      what: "a node too many",
      tell: (answer) => ({ ...answer, proof: [...answer.proof, ...answer.proof.slice(0, 1)] }),
    },
    { what: "another block", tell: (answer) => ({ ...answer, block: { hash: word("other"), number: 0 } }) },
  ]),
  caseOf<Served<"Storage">>("storages", (source) => source.storages(block, [storageOf(20), storageOf(30)], LOWEST), [
    { what: "nothing", fault: "WRONG_REPLY", tell: () => ({ type: "Storage", pages: [] }) },
    {
      what: "more storages than asked for",
      tell: ({ pages, ...answer }) => ({ ...answer, pages: [...pages, ...pages] }),
    },
    {
      what: "a missing slot",
      tell: ({ pages, ...answer }) => ({
        ...answer,
        pages: changed(pages, 1, (page) => ({ ...page, slots: without(page.slots, 4) })),
      }),
    },
    {
      what: "a changed slot",
      tell: ({ pages, ...answer }) => ({
        ...answer,
        pages: changed(pages, 0, (page) => ({
          ...page,
          slots: changed(page.slots, 0, ({ key, value }) => ({ key, value: flipped(value) })),
        })),
      }),
    },
    {
      what: "storages in each other's place",
      tell: ({ pages, ...answer }) => ({ ...answer, pages: [...pages].reverse() }),
    },
  ]),
  caseOf<Served<"Nodes">>("nodes", (source) => source.nodes(block, undefined, [rootNode()]), [
    { what: "nothing", fault: "WRONG_REPLY", tell: () => ({ type: "Nodes", nodes: [] }) },
    { what: "a node withheld", tell: () => ({ type: "Nodes", nodes: [new Uint8Array(0)] }) },
    { what: "another node", tell: ({ nodes }) => ({ type: "Nodes", nodes: nodes.map(flipped) }) },
    { what: "more nodes than asked for", tell: ({ nodes }) => ({ type: "Nodes", nodes: [...nodes, ...nodes] }) },
  ]),
  caseOf<Contracts<"state">>(
    "state",
    (source) => source.state(block, [{ address: contract(9), slots: [slot(1), slot(2)] }]),
    [
      otherKind,
      { what: "nothing", fault: "WRONG_REPLY", tell: (answer) => ({ ...answer, accounts: [], proof: [] }) },
      {
        what: "another balance",
        tell: (answer) => ({
          ...answer,
          accounts: changed(answer.accounts, 0, ({ account, ...rest }) => ({
            ...rest,
            ...(account === undefined ? {} : { account: { ...account, balance: 2n ** 100n } }),
          })),
        }),
      },
      {
        what: "an account said to be absent",
        tell: (answer) => ({
          ...answer,
          accounts: answer.accounts.map(({ address, slots }) => ({ address, slots: slots.map(() => 0n) })),
        }),
      },
      {
        what: "another value",
        tell: (answer) => ({
          ...answer,
          accounts: changed(answer.accounts, 0, (one) => ({ ...one, slots: [99n, 3n] })),
        }),
      },
      { what: "a node too few", tell: (answer) => ({ ...answer, proof: answer.proof.slice(1) }) },
    ],
  ),
  caseOf<Served<"Blobs">>("codes", (source) => source.codes(codeHashes(3)), [
    { what: "nothing", fault: "WRONG_REPLY", tell: () => ({ type: "Blobs", blobs: [] }) },
    {
      what: "code of another hash",
      tell: ({ blobs }) => ({ type: "Blobs", blobs: changed(blobs, 2, (code) => code && flipped(code)) }),
    },
    { what: "codes in each other's place", tell: ({ blobs }) => ({ type: "Blobs", blobs: [...blobs].reverse() }) },
    { what: "more codes than asked for", tell: ({ blobs }) => ({ type: "Blobs", blobs: [...blobs, undefined] }) },
  ]),
  caseOf<Contracts<"index">>("origins", (source) => source.origins([5, 6].map((i) => hashed(contract(i)))), [
    otherKind,
    { what: "nothing", fault: "WRONG_REPLY", tell: (answer) => ({ ...answer, entries: [] }) },
    { what: "another contract", tell: (answer) => ({ ...answer, entries: [{ address: contract(7) }] }) },
    {
      what: "an owner who cannot have created it so",
      tell: (answer) => ({ ...answer, entries: [{ address: contract(5), owner: OWNER, creationNonce: 0n }] }),
    },
    { what: "more than was asked for", tell: (answer) => ({ ...answer, entries: [...answer.entries, undefined] }) },
  ]),
  caseOf<Served<"Blocks">>("block", (source) => source.block(block), [
    {
      what: "other transactions than the header commits to",
      fault: "WRONG_REPLY",
      tell: () => ({ type: "Blocks", blocks: [encodeBlock({ header: block, transactions: [transactionOf(1, 0)] })] }),
    },
    {
      what: "another block",
      fault: "WRONG_REPLY",
      tell: () => ({ type: "Blocks", blocks: [encodeBlock({ header: { ...block, number: 7 }, transactions: [] })] }),
    },
  ]),
];

async function inWorld<T>(run: (its: StateWorld) => Promise<T>): Promise<T> {
  const its = await createStateWorld();
  try {
    return await run(its);
  } finally {
    await its.end();
  }
}

/** What an honest peer alone would have given. */
const honestly = ({ ask }: Case): Promise<unknown> =>
  inWorld(async (its) => {
    await its.meet("honest");
    return its.run(ask(its.source));
  });

const lying =
  ({ tell }: Lie<Message>): Answer =>
  (request: Request) =>
    tell(servedTo(request));

describe("a lie about state", () => {
  for (const one of CASES) {
    describe(`in answer to a request for ${one.kind}`, () => {
      for (const lie of [...ANY, ...one.lies]) {
        it(`costs one request to another peer, and its teller the link: ${lie.what}`, () =>
          inWorld(async (its) => {
            await its.meet("liar", lying(lie));
            await its.meet("honest");
            const startMs = its.world.clock.now();
            assert.deepEqual(await its.run(one.ask(its.source)), await honestly(one));
            assert.ok(its.world.clock.now() - startMs < 100, "at once");
            const fault = lie.fault ?? "FORGED_PROOF";
            assert.deepEqual(its.faults(), [["liar", fault]]);
            assert.deepEqual(
              its.asked.map(({ name }) => name),
              ["liar", "honest"],
            );
            assert.equal(its.world.hub.isLinked("node", "liar"), false);
            assert.equal(its.node.bans.has("liar"), fault === "FORGED_PROOF");
            const outcome = fault === "FORGED_PROOF" ? "forged" : "malformed";
            assert.equal(its.counts()[`counterpart_state_requests_total ${one.kind} ${outcome}`], 1);
            assert.equal(its.counts()[`counterpart_state_requests_total ${one.kind} useful`], 1);
          }));
      }
    });
  }

  it("ends one peer after another, and the promise waits for one that is honest", () =>
    inWorld(async (its) => {
      for (const name of ["a", "b", "c"]) {
        await its.meet(name, (request) => {
          const answer = servedTo(request);
          return answer.type === "Nodes" ? { ...answer, nodes: answer.nodes.map(flipped) } : answer;
        });
      }
      const waiting = its.source.nodes(block, undefined, [rootNode()]);
      await its.world.clock.until(() => its.node.bans.size === 3);
      await its.world.clock.pass(60_000);
      assert.equal(its.asked.length, 3);
      await its.meet("honest");
      assert.equal((await its.run(waiting)).length, 1);
    }));

  it("takes nothing from the other requests that the liar had", () =>
    inWorld(async (its) => {
      let nodesAsked = 0;
      await its.meet("liar", (request) =>
        request.type === "GetNodes" && nodesAsked++ === 0 ? new Uint8Array(1) : servedTo(request),
      );
      await its.meet("honest");
      const ranges = Array.from({ length: 6 }, () => its.source.accounts(block, LOWEST));
      const nodes = its.source.nodes(block, undefined, [rootNode()]);
      const expected = await honestly(CASES[0] ?? assert.fail());
      for (const range of await its.run(Promise.all(ranges))) assert.deepEqual(range, expected);
      assert.equal((await its.run(nodes)).length, 1);
      assert.deepEqual(its.faults(), [["liar", "WRONG_REPLY"]]);
    }));
});
