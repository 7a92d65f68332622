/** A node of the simulation: every real part between simulated network, disk, clock and chance. */

import { bytesToHex, type Hex, utf8ToBytes } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import type { Genesis } from "@counterpart/core/chain/genesis";
import { POA_RULES_ID } from "@counterpart/core/consensus/poa";
import { keccak256, privateKeyToAddress, signDigest } from "@counterpart/core/crypto/crypto";
import { createExecutor } from "@counterpart/core/execution/executor";
import type { Executor } from "@counterpart/core/execution/types";
import type { LogFields, Logger } from "@counterpart/core/ports/runtime";
import { createArtifactTable } from "../packages/node/src/contracts/artifact-table.ts";
import { createIdempotency } from "../packages/node/src/contracts/idempotency.ts";
import { createContractService } from "../packages/node/src/contracts/service.ts";
import type { ContractService } from "../packages/node/src/contracts/types.ts";
import { createNetworkService } from "../packages/node/src/driver/network-service.ts";
import { hasLink } from "../packages/node/src/driver/peer-view.ts";
import type { BanBook, Driver } from "../packages/node/src/driver/ports.ts";
import { createSealerLoop } from "../packages/node/src/driver/sealer.ts";
import {
  createStoredBanBook,
  createStoredCheckpoints,
  createStoredPeerBook,
} from "../packages/node/src/driver/stored.ts";
import { createEngine } from "../packages/node/src/engine/engine.ts";
import type { RemoteState } from "../packages/node/src/engine/remote-state.ts";
import type { Engine } from "../packages/node/src/engine/types.ts";
import type { KeyRing } from "../packages/node/src/keys/types.ts";
import type { Dice } from "./dice.ts";
import { Crashed, createDisk, type Disk } from "./disk.ts";
import { createSmallExecutor } from "./executor.ts";
import { addressOf, type SimNetwork } from "./network.ts";
import { createNodeClock, type NodeClock, type Timeline } from "./timeline.ts";

export interface LogEntry {
  readonly node: string;
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: LogFields;
  /** Whether its life still goes on: what a dead one says is heard by nobody. */
  readonly isAlive: boolean;
}

export interface World {
  readonly timeline: Timeline;
  readonly network: SimNetwork;
  readonly dice: Dice;
  readonly genesis: Genesis;
  /** Whether the EVM executes, rather than the small machine. */
  readonly evm: boolean;
  readonly onLog: (entry: LogEntry) => void;
}

/**
 * How a node comes to its state: `full` executes every block, `joins` takes the state of a block over and executes from
 * then on, `all` is a replica of everything, `chosen` one of contracts that clients choose while it runs.
 */
export type Role = "full" | "joins" | "all" | "chosen";

/** What a node is between two crashes. */
export interface Life {
  readonly engine: Engine;
  readonly contracts: ContractService;
  readonly driver: Driver;
  readonly clock: NodeClock;
}

export interface SimNode {
  readonly name: string;
  readonly role: Role;
  readonly account: Hex;
  readonly disk: Disk;
  readonly life: Life | undefined;
  skewMs: number;
  /** @param peers names to stay connected to */
  start(peers: readonly string[]): Promise<void>;
  /** The process is gone: nothing of it happens any more, and what it wrote is there. */
  crash(): void;
  /** The same, and its disk is empty. */
  wipe(): void;
  /** Called with the engine of each life before anything happens in it. */
  onLife: (life: Pick<Life, "engine" | "contracts">) => void;
}

export const keyOf = (name: string): Uint8Array => keccak256(utf8ToBytes(`key of ${name}`));
export const accountOf = (name: string): Hex => privateKeyToAddress(keyOf(name));

function createKeys(name: string): KeyRing {
  const own = accountOf(name);
  return {
    own,
    accounts: () => [own],
    holds: (address) => address === own,
    create: () => Promise.reject(new Error("no accounts are made here")),
    sign(address, digest) {
      if (address !== own) throw new CodedError("FROM_NOT_HELD", "not held");
      return signDigest(digest, keyOf(name));
    },
  };
}

function createSimLogger(node: string, onLog: World["onLog"], isAlive: () => boolean): Logger {
  const at =
    (level: LogEntry["level"]) =>
    (message: string, fields: LogFields = {}): void =>
      onLog({ node, level, message, fields, isAlive: isAlive() });
  const logger: Logger = {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: () => logger,
  };
  return logger;
}

function instanceOf(store: ReturnType<Disk["open"]>, dice: Dice): string {
  const key = utf8ToBytes("instance");
  const stored = store.get("meta", key);
  if (stored !== undefined) return bytesToHex(stored).slice(2);
  const made = dice.bytes(8);
  store.write([{ table: "meta", key, value: made }]);
  return bytesToHex(made).slice(2);
}

/** Bans are saved where faults are handled, with nobody left to hear that the node has died meanwhile. */
function heedless(book: BanBook): BanBook {
  return {
    ...book,
    save(bans) {
      try {
        book.save(bans);
      } catch (error) {
        if (!(error instanceof Crashed)) throw error;
      }
    },
  };
}

/** What of the state a replica begins with: all, or no contract. */
function replicaOf(role: Role): { readonly replica?: "all" | readonly Hex[] } {
  if (role === "all") return { replica: role };
  return role === "chosen" ? { replica: [] } : {};
}

/** Peers, which the engine needs before there is a driver that knows them. */
function lateRemote(driver: () => Driver): RemoteState {
  return {
    hasPeers: () => driver().state.hasPeers(),
    state: async (block, wanted) => driver().state.state(block, wanted),
    storages: async (block, wanted, start) => driver().state.storages(block, wanted, start),
    block: async (header) => driver().state.block(header),
    codes: async (hashes) => driver().state.codes(hashes),
  };
}

export function createSimNode(world: World, name: string, role: Role = "full"): SimNode {
  const { timeline, network, genesis, evm, onLog } = world;
  const disk = createDisk();
  const keys = createKeys(name);
  let life: Life | undefined;
  let lives = 0;

  const open = (
    dice: Dice,
    clock: NodeClock,
    peers: readonly string[],
    isAlive: () => boolean,
  ): Life & { start(): Promise<void> } => {
    const store = disk.open(isAlive);
    const logger = createSimLogger(name, onLog, isAlive);
    const executor: Executor = evm ? createExecutor({ chainId: genesis.chainId }) : createSmallExecutor();
    const sign = (digest: Uint8Array): Uint8Array => keys.sign(keys.own, digest);
    const engine = createEngine({
      ...{ store, genesis, executor, sealer: { address: keys.own, sign }, clock, logger },
      ...replicaOf(role),
      remote: lateRemote(() => driver),
    });
    const instanceId = instanceOf(store, dice);
    const waiters = { count: 0 };
    const contracts = createContractService({
      ...{ engine, keys, clock, logger, instanceId, waiters },
      artifacts: createArtifactTable(store),
      idempotency: createIdempotency(store, clock),
      compile: () => Promise.reject(new Error("nobody compiles here")),
    });
    node.onLife({ engine, contracts });
    const driver: Driver = createNetworkService({
      ...{ engine, contracts, clock, logger, random: dice },
      network: network.join(name),
      peerBook: createStoredPeerBook(store),
      banBook: heedless(createStoredBanBook(store)),
      checkpoints: createStoredCheckpoints(store, clock),
      self: {
        client: name,
        instanceId,
        signer: keys.own,
        forkRulesId: POA_RULES_ID,
        consensus: "poa",
        certifies: genesis.signers.length > 0,
      },
      joins: role === "joins",
      bootstrap: peers.map(addressOf),
    });
    const sealer = createSealerLoop({
      ...{ engine, clock, logger, random: dice },
      self: keys.own,
      heardAt: (signer) => driver.leader(signer)?.heardAtMs,
      catchingUpMs: driver.catchingUpMs,
      isDiverged: () => driver.divergence() !== undefined,
      isAwaited: () => waiters.count > 0,
      hasPeers: () => driver.peers().some(hasLink),
    });
    return {
      ...{ engine, contracts, driver, clock },
      async start() {
        await driver.start();
        sealer.start();
      },
    };
  };

  const node: SimNode = {
    name,
    role,
    account: keys.own,
    disk,
    skewMs: 0,
    get life() {
      return life;
    },
    onLife: () => {},
    async start(peers) {
      const mine = ++lives;
      const clock = createNodeClock(timeline, node.skewMs);
      const isAlive = (): boolean => lives === mine;
      const next = open(world.dice.fork(`${name}/${mine}`), clock, peers, isAlive);
      life = next;
      await next.start();
    },
    crash() {
      lives++;
      life?.clock.die();
      life = undefined;
      network.remove(name);
    },
    wipe() {
      node.crash();
      disk.wipe();
    },
  };
  return node;
}
