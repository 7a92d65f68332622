/** A node with the real driver, and strangers that serve it the state of a real engine's genesis as a test wants. */

import { bigIntToFixedBytes, bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import type { GenesisAccount } from "@counterpart/core/chain/genesis";
import { keccak256, keccak256Hex } from "@counterpart/core/crypto/crypto";
import type { Counter, Metrics } from "@counterpart/core/ports/metrics";
import type { Message, Request, VersionMessage } from "@counterpart/core/sync/message-types";
import { decodeMessage, encodeMessage } from "@counterpart/core/sync/messages";
import { openTestEngine, TEST_GENESIS } from "../engine/engine.test-support.ts";
import { createFakeEngine } from "./fake-chain.test-support.ts";
import { createFakeContracts } from "./fake-contracts.test-support.ts";
import { serve } from "./serve.ts";
import type { StateSource } from "./state-source.ts";
import { type Stranger, startStranger, statusOf, versionFor } from "./stranger.test-support.ts";
import { createWorld, type TestNode, type World } from "./test-node.test-support.ts";

export const LOWEST: Uint8Array = new Uint8Array(32);
export const CONTRACTS = 64;

export const hashed = (text: Hex): Hex => keccak256Hex(hexToBytes(text));
export const contract = (index: number): Hex => bytesToHex(bigIntToFixedBytes(BigInt(index) + 0xc0de00n, 20));
export const slot = (index: number): Hex => bytesToHex(bigIntToFixedBytes(BigInt(index), 32));
export const codeOf = (index: number): Uint8Array => Uint8Array.of(0x60, index, 0x50, 0x00);

/** Contract number n has code of its own and n + 1 slots. */
function contractAccount(index: number): GenesisAccount {
  const storage = new Map(Array.from({ length: index + 1 }, (_, i) => [slot(i), BigInt(i + 1)] as const));
  return { balance: 1n, nonce: 1n, code: codeOf(index), storage };
}

const engine = openTestEngine({
  genesis: {
    ...TEST_GENESIS,
    alloc: new Map([
      ...TEST_GENESIS.alloc,
      ...Array.from({ length: CONTRACTS }, (_, i) => [contract(i), contractAccount(i)] as const),
    ]),
  },
});
/** The block whose state is served. */
export const block = engine.head();
export const view = () => engine.stateAt(block.hash, "caller");

export const storageOf = (index: number) => {
  const account = hashed(contract(index));
  return { account, root: view().account(hexToBytes(account))?.storageRoot ?? LOWEST_ROOT };
};
const LOWEST_ROOT = bytesToHex(LOWEST);
export const rootNode = () => ({ path: "", hash: block.stateRoot });
export const codeHashes = (count = CONTRACTS): Hex[] =>
  Array.from({ length: count }, (_, i) => bytesToHex(keccak256(codeOf(i))));

/** What a stranger answers; bytes go as they are. */
export type Answer = (request: Request) => Message | Uint8Array | Promise<Message>;

export interface Asked {
  readonly name: string;
  readonly request: Request;
}

export interface StateWorld {
  readonly world: World;
  readonly node: TestNode;
  readonly source: StateSource;
  /** Every request that strangers got, in order. */
  readonly asked: Asked[];
  /** What the node has counted: the sum for each name and labels. */
  counts(): Readonly<Record<string, number>>;
  /** Faults that the node has found in peers, with their names. */
  faults(): readonly (readonly [peer: unknown, fault: unknown])[];
  /** Lets a stranger connect, which answers requests so. It says its status every two seconds, as a living peer does. */
  meet(name: string, answer?: Answer, change?: Partial<VersionMessage>): Promise<Stranger>;
  /** What the promise gives while time passes. */
  run<T>(promise: Promise<T>, limitMs?: number): Promise<T>;
  end(): Promise<void>;
}

export async function createStateWorld(): Promise<StateWorld> {
  const world = createWorld();
  const counted = new Map<string, number>();
  const counter = ({ name }: { readonly name: string }): Counter<string> => ({
    add(labels, amount = 1) {
      const key = [name, ...Object.values(labels)].join(" ");
      counted.set(key, (counted.get(key) ?? 0) + amount);
    },
  });
  const metrics: Metrics = { counter, histogram: () => ({ observe() {} }), gauge() {} };
  const node = await world.start("node", { metrics });
  const asked: Asked[] = [];
  let isOver = false;

  const keepSaying = (stranger: Stranger): void => {
    if (isOver) return;
    if (!stranger.closed) stranger.say({ type: "Status", ...statusOf(world, node) });
    world.clock.setTimer(2_000, () => keepSaying(stranger));
  };
  return {
    world,
    node,
    source: node.driver.state,
    asked,
    counts: () => Object.fromEntries([...counted].filter(([name]) => name.startsWith("counterpart_state_"))),
    faults: () =>
      node.log
        .filter(({ message }) => message === "a peer is at fault")
        .map(({ fields }) => [fields.peer, fields.fault]),
    async meet(name, answer = serveState, change = {}) {
      const greeting = () => versionFor(world, node, { instanceId: `instance-${name}`, ...change });
      const stranger = await startStranger(world, name, greeting);
      stranger.answer = async (message) => {
        const request = message as Request;
        asked.push({ name, request });
        const given = await answer(request);
        return given instanceof Uint8Array ? given : encodeMessage(given);
      };
      await world.clock.run(node.driver.connect(`${name}:5000`, 0));
      if (change.status === undefined) keepSaying(stranger);
      return stranger;
    },
    run: (promise, limitMs) => world.clock.run(promise, limitMs),
    async end() {
      isOver = true;
      await world.end();
    },
  };
}

const contracts = createFakeContracts(createFakeEngine("contracts"));
const standingClock = { now: () => 0, setTimer: () => () => {} };

/** What an honest peer answers. */
export const serveState = (request: Request): Message =>
  serve({ engine, contracts, clock: standingClock, instanceId: "server", isDiverged: () => false }, request);

/** An honest answer as it arrives, to be changed. */
export const servedTo = (request: Request): Message => decodeMessage(encodeMessage(serveState(request)));

export const refuse =
  (code: "PRUNED" | "NOT_HELD" | "UNKNOWN_ROOT" | "BUSY"): Answer =>
  () => ({ type: "Error", code, retryAfterMs: 1 });
