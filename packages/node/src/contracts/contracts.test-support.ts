/** A contract service on a real engine in memory, and contracts to try it with. */

import { EventEmitter, once } from "node:events";
import type { Hex } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { signDigest } from "@counterpart/core/crypto/crypto";
import type { Clock } from "@counterpart/core/ports/runtime";
import type { Store } from "@counterpart/core/ports/store";
import solc from "solc";
import {
  accountOf,
  immediateTimersOnly,
  keyOf,
  openTestEngine,
  START_MS,
  silentLogger,
} from "../engine/engine.test-support.ts";
import type { RemoteState } from "../engine/remote-state.ts";
import type { Engine } from "../engine/types.ts";
import type { KeyRing } from "../keys/types.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import { createArtifactTable } from "./artifact-table.ts";
import { createCompiler } from "./compiler.ts";
import { createIdempotency, forgottenBy } from "./idempotency.ts";
import { createContractService } from "./service.ts";
import type { ArgumentValue, ContractService, SendResult } from "./types.ts";

export const number = (source: string): ArgumentValue => ({ source });

/** Time that moves when told to, and calls back what is due. */
export interface TimedClock extends Clock {
  advance(ms: number): void;
  readonly timers: number;
  /** Resolves when the next timer is set. */
  armed(): Promise<unknown>;
}

export function createTimedClock(): TimedClock {
  const timers = new Map<symbol, { readonly at: number; readonly callback: () => void }>();
  const events = new EventEmitter();
  let now = START_MS;
  return {
    now: () => now,
    get timers() {
      return timers.size;
    },
    armed: () => once(events, "timer"),
    setTimer(delayMs, callback) {
      const id = Symbol("timer");
      timers.set(id, { at: now + delayMs, callback });
      events.emit("timer");
      return () => timers.delete(id);
    },
    advance(ms) {
      now += ms;
      for (const [id, { at, callback }] of [...timers]) {
        if (at > now) continue;
        timers.delete(id);
        callback();
      }
    },
  };
}

/** Keys number `own` and `others`, all held. */
export function createTestKeys(own: number, others: readonly number[] = []): KeyRing {
  const held = new Map([own, ...others].map((n) => [accountOf(n), keyOf(n)]));
  return {
    own: accountOf(own),
    accounts: () => [...held.keys()],
    holds: (address) => held.has(address),
    create: () => Promise.reject(new Error("tests make no accounts")),
    sign(address, digest) {
      const key = held.get(address);
      if (key === undefined) throw new CodedError("FROM_NOT_HELD", "not held");
      return signDigest(digest, key);
    },
  };
}

export interface TestNode {
  readonly engine: Engine;
  readonly service: ContractService;
  readonly clock: TimedClock;
  readonly store: Store;
  readonly keys: KeyRing;
}

export interface TestNodeOptions {
  /** Number of the node's own key, which also seals. */
  readonly own?: number;
  readonly others?: readonly number[];
  /** Seal as soon as a transaction arrives; true unless told otherwise. */
  readonly sealing?: boolean;
  readonly store?: Store;
  readonly instanceId?: string;
  readonly replica?: readonly Hex[];
  readonly remote?: RemoteState;
  /** Whether its chain may be changed as the rules do not allow. */
  readonly development?: boolean;
}

export function openTestNode(options: TestNodeOptions = {}): TestNode {
  const { own = 1, others = [], sealing = true, store = createMemoryStore(), instanceId = "instance" } = options;
  const clock = createTimedClock();
  // The engine has no timers here: those that tests count are the service's own.
  const engine = openTestEngine({
    store,
    clock: { now: clock.now, setTimer: immediateTimersOnly },
    sealer: own,
    ...(options.replica && { replica: options.replica }),
    ...(options.remote && { remote: options.remote }),
    ...(options.development && { development: options.development }),
  });
  const keys = createTestKeys(own, others);
  const artifacts = createArtifactTable(store);
  const idempotency = createIdempotency(store, clock, forgottenBy(engine));
  const service = createContractService({
    ...{ engine, keys, clock, artifacts, idempotency, instanceId },
    compile: createCompiler(),
    logger: silentLogger,
  });
  if (sealing) {
    engine.on("transaction", () => {
      engine.seal();
    });
  }
  return { engine, service, clock, store, keys };
}

/** Resolves when this many transactions are pending. */
export function pending(engine: Engine, count: number): Promise<void> {
  return new Promise((resolve) => {
    const check = (): void => {
      if (engine.pool.pending < count) return;
      stop();
      resolve();
    };
    const stop = engine.on("transaction", check);
    check();
  });
}

export type Inclusion = Extract<SendResult, { included: true }>;

export function requireIncluded(result: SendResult): Inclusion & { readonly address: Hex } {
  if (!result.included) throw new Error("the transaction was not included");
  return { ...result, address: result.address ?? "0x" };
}

export interface Compiled {
  readonly abi: readonly unknown[];
  readonly bytecode: Hex;
}

interface CompilerOutput {
  readonly errors?: readonly { readonly severity: string; readonly formattedMessage: string }[];
  readonly contracts?: Readonly<Record<string, Readonly<Record<string, CompiledContract>>>>;
}

interface CompiledContract {
  readonly abi: readonly unknown[];
  readonly evm: { readonly bytecode: { readonly object: string } };
}

/** Compiles contracts of one source text. */
export function compile(source: string): (name: string) => Compiled {
  const input = {
    language: "Solidity",
    sources: { "test.sol": { content: `// SPDX-License-Identifier: Apache-2.0\npragma solidity 0.8.37;\n${source}` } },
    settings: { evmVersion: "osaka", outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } } },
  };
  const output: CompilerOutput = JSON.parse(String(solc.compile(JSON.stringify(input))));
  const errors = (output.errors ?? []).filter(({ severity }) => severity === "error");
  if (errors.length > 0) throw new Error(errors.map(({ formattedMessage }) => formattedMessage).join("\n"));
  return (name) => {
    const contract = output.contracts?.["test.sol"]?.[name];
    if (contract === undefined) throw new Error(`no contract ${name}`);
    return { abi: contract.abi, bytecode: `0x${contract.evm.bytecode.object}` };
  };
}

/** Contracts that show what a service must cope with. */
export const LAB_SOURCE = `
contract Lab {
  struct Point { uint256 x; int8 y; }
  error TooMuch(uint256 given, uint256 allowed);
  event Set(address indexed by, uint256 value);
  uint256 public value;
  constructor(uint256 initial) payable { require(initial != 13, "unlucky"); value = initial; }
  function set(uint256 next) external returns (uint256 previous) {
    if (next > 1000) revert TooMuch(next, 1000);
    previous = value; value = next; emit Set(msg.sender, next);
  }
  function pay() external payable { value = msg.value; }
  function divide(uint256 by) external { value = value / by; }
  function halt() external { value = 0; assembly { invalid() } }
  function fail() external pure { require(false, "as asked"); }
  function point(Point calldata p) external pure returns (Point memory q, bool ok) { q = Point(p.x + 1, -p.y); ok = true; }
  function who() external view returns (address) { return msg.sender; }
  function height() external view returns (uint256) { return block.number; }
  mapping(uint256 => uint256) slots;
  function fill(uint256 count) external { for (uint256 i = 0; i < count; i++) slots[i] = 1; }
  function needsGas() external { require(gasleft() > 2000000, "needs much gas"); value = 1; }
}
contract Child { uint256 public value = 7; }
contract Factory {
  event Made(address child);
  function make() external returns (address child) { child = address(new Child()); emit Made(child); }
}
/** Its code holds the number of the block that created it. */
contract Stamped { uint256 public immutable born = block.number; }
contract Greedy {
  function totalSupply() external view returns (uint256) { uint256 i; while (i < 1 ether) i++; return i; }
  function balanceOf(address) external pure returns (bool) { require(false, "no"); return true; }
}
contract Liar { function answer() external pure returns (bytes1) { return 0xff; } function poke() external {} }
`;
