/**
 * The composition root: the only place where storage, network, keys and interfaces meet. Parts start in the order below
 * and stop in the opposite one; when one fails to start, those before it are stopped.
 */

import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { bytesToHex, bytesToUtf8, type Hex, utf8ToBytes } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { DEV_GENESIS, type Genesis } from "@counterpart/core/chain/genesis";
import { parseGenesis } from "@counterpart/core/chain/genesis-json";
import { POA_RULES_ID } from "@counterpart/core/consensus/poa";
import { useCrypto } from "@counterpart/core/crypto/crypto";
import { createExecutor } from "@counterpart/core/execution/executor";
import type { Clock, Logger, Random } from "@counterpart/core/ports/runtime";
import type { Store } from "@counterpart/core/ports/store";
import { isLoopback } from "./api/guards.ts";
import { createApiServer } from "./api/server.ts";
import type { Addresses, App } from "./app-types.ts";
import { zstd } from "./compression/zstd.ts";
import type { NodeConfig } from "./config.ts";
import { createArtifactTable } from "./contracts/artifact-table.ts";
import { createIdempotency } from "./contracts/idempotency.ts";
import { createContractService } from "./contracts/service.ts";
import type { ContractService } from "./contracts/types.ts";
import { createNativeCrypto } from "./crypto/native.ts";
import { PEERS_MAX } from "./driver/limits.ts";
import { createNetworkService } from "./driver/network-service.ts";
import type { Driver } from "./driver/ports.ts";
import { createSealerLoop } from "./driver/sealer.ts";
import { createStoredBanBook, createStoredCheckpoints, createStoredPeerBook } from "./driver/stored.ts";
import { createEngine } from "./engine/engine.ts";
import { createPacer } from "./engine/pacer.ts";
import type { RemoteState } from "./engine/remote-state.ts";
import type { Engine } from "./engine/types.ts";
import { developmentKeys } from "./keys/development.ts";
import { createKeyRing } from "./keys/key-ring.ts";
import { openSecret } from "./keys/secret-file.ts";
import type { KeyRing } from "./keys/types.ts";
import { parseDialAddress } from "./net/address.ts";
import { createLibp2pNetwork } from "./net/libp2p-network.ts";
import { createPeerKey } from "./net/peer-key.ts";
import { type GuardedStore, guardStore } from "./store/damage-guard.ts";
import { openDataDir } from "./store/data-dir.ts";
import { createEvidenceFiles } from "./store/evidence-files.ts";
import { openLmdbStore } from "./store/lmdb-store.ts";
import { probeDatabase } from "./store/probe.ts";
import { createMetricsRegistry, type MetricsRegistry } from "./telemetry/metrics.ts";
import { createSystemClock, createSystemRandom } from "./telemetry/runtime.ts";
import { VERSION } from "./version.ts";

/** What every part is given. */
interface Ground {
  readonly config: NodeConfig;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: MetricsRegistry;
  /** Stops run in the opposite order of their registration. */
  readonly onStop: (stop: () => Promise<void> | void) => void;
}

/** Everything but the two ends, network and API. */
interface Chain {
  readonly store: GuardedStore;
  readonly keys: KeyRing;
  readonly genesis: Genesis;
  readonly engine: Engine;
  readonly contracts: ContractService;
  readonly instanceId: string;
  readonly remote: LateRemote;
}

/** Peers as a source of state: the engine needs them, and they need the engine. */
interface LateRemote {
  source?: RemoteState;
}

function lateRemote(late: LateRemote): RemoteState {
  const source = (): RemoteState => {
    if (late.source === undefined) throw new CodedError("NOT_READY", "the node is starting");
    return late.source;
  };
  return {
    hasPeers: () => late.source?.hasPeers() ?? false,
    state: async (block, wanted) => source().state(block, wanted),
    storages: async (block, wanted, start) => source().storages(block, wanted, start),
    block: async (header) => source().block(header),
    codes: async (hashes) => source().codes(hashes),
  };
}

/** What a replica holds. @throws CodedError `INVALID_CONFIG` */
function chosenOf(contracts: readonly string[]): "all" | readonly Hex[] {
  if (!contracts.includes("all")) return contracts.map((address) => address.toLowerCase() as Hex);
  if (contracts.length === 1) return "all";
  throw new CodedError("INVALID_CONFIG", "--contracts is all, or addresses, not both");
}

/** The crypto port is one for the process, so it is chosen once however many nodes run in it. */
let cryptoChosen: Promise<void> | undefined;

function chooseCrypto(logger: Logger): Promise<void> {
  const chosen =
    cryptoChosen ??
    createNativeCrypto().then((native) => {
      useCrypto(native);
      for (const { part, reason } of native.fallbacks) {
        logger.warn("native cryptography is missing; the portable one is many times slower", { part, reason });
      }
    });
  cryptoChosen = chosen;
  return chosen;
}

/** @throws CodedError `INVALID_GENESIS` */
export function readGenesis(path: string | undefined): Genesis {
  if (path === undefined) return DEV_GENESIS;
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CodedError("INVALID_GENESIS", `the genesis file ${path} cannot be read: ${reason}`);
  }
  return parseGenesis(text);
}

/** A name for this database, made with it. Peers keep how far they have read this node's changes under it. */
function openInstanceId(store: Store): string {
  const key = utf8ToBytes("instance");
  const stored = store.get("meta", key);
  if (stored !== undefined) return bytesToUtf8(stored);
  const made = randomBytes(16).toString("hex");
  store.write([{ table: "meta", key, value: utf8ToBytes(made) }]);
  return made;
}

const DAMAGE_ADVICE =
  "this node writes nothing more, neither blocks nor transactions: stop it, look with `counterpart db verify`, and " +
  "restore a backup, or move the database away and let the node fetch the chain from a peer";

/** On a chain where anyone may seal, a state is only as good as the peers it comes from. @throws CodedError `INVALID_CONFIG` */
function checkCertified({ role, sync, allowUncertified }: NodeConfig, { signers }: Genesis): void {
  const takesOver = role === "replica" || sync === "snap";
  if (!takesOver || signers.length > 0 || allowUncertified) return;
  const flag = role === "replica" ? "--role replica" : "--sync snap";
  throw new CodedError(
    "INVALID_CONFIG",
    `${flag} takes state on the word of who seals, and on this chain anyone may: --allow-uncertified takes it all the same`,
  );
}

/** A full node holds every contract. @throws CodedError `INVALID_CONFIG` */
function checkContracts({ role, contracts }: NodeConfig): void {
  if (role === "replica" || contracts.every((contract) => contract === "all")) return;
  throw new CodedError("INVALID_CONFIG", "--contracts chooses what a replica holds: it needs --role replica");
}

async function openChain({ config, logger, clock, metrics, onStop }: Ground): Promise<Chain> {
  const genesis = readGenesis(config.genesis);
  checkCertified(config, genesis);
  checkContracts(config);
  const dataDir = await openDataDir(config.dataDir);
  onStop(() => dataDir.release());
  const path = join(config.dataDir, "chain.mdb");
  await probeDatabase(path);
  const database = openLmdbStore(path, {
    onMigrated: (versions) => logger.info("the database was brought to the format of this version", versions),
  });
  const store = guardStore(database, ({ message }) => logger.error(`${message}; ${DAMAGE_ADVICE}`));
  onStop(() => store.close());
  const keys = createKeyRing({
    dir: join(config.dataDir, "keys"),
    extraKeys: config.dev ? developmentKeys() : [],
    logger,
  });
  const remote: LateRemote = {};
  const engine = createEngine({
    store,
    genesis,
    executor: createExecutor({ chainId: genesis.chainId, pause: createPacer(clock) }),
    sealer: { address: keys.own, sign: (digest) => keys.sign(keys.own, digest) },
    clock,
    logger: logger.child({ part: "engine" }),
    metrics,
    ...(config.role === "replica" ? { replica: chosenOf(config.contracts) } : {}),
    ...(config.history === "archive" ? {} : { historyBlocks: config.history }),
    remote: lateRemote(remote),
    onDamage: store.noteDamage,
  });
  onStop(() => engine.stop());
  const instanceId = openInstanceId(store);
  const contracts = createContractService({
    engine,
    keys,
    clock,
    logger: logger.child({ part: "contracts" }),
    artifacts: createArtifactTable(store),
    idempotency: createIdempotency(store, clock),
    instanceId,
  });
  onStop(() => contracts.stop());
  return { store, keys, genesis, engine, contracts, instanceId, remote };
}

/** A wrong address among the peers would be redialled for ever. @throws CodedError `INVALID_CONFIG` */
function checkPeers(addresses: readonly string[]): void {
  for (const address of addresses) {
    try {
      parseDialAddress(address);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new CodedError("INVALID_CONFIG", `--peer ${address}: ${reason}`);
    }
  }
}

async function startNetwork(ground: Ground, chain: Chain): Promise<Driver> {
  const { config, logger, clock, random, metrics, onStop } = ground;
  const { store, keys, engine, contracts, genesis, instanceId } = chain;
  const network = await createLibp2pNetwork({
    privateKey: await openSecret(join(config.dataDir, "keys", "peer.key"), createPeerKey),
    host: config.p2pHost,
    port: config.p2pPort,
    wsPort: config.wsPort,
    peersMax: PEERS_MAX,
    logger: logger.child({ part: "net" }),
    metrics,
    clock,
  });
  const driver = createNetworkService({
    compressor: zstd,
    network,
    engine,
    contracts,
    peerBook: createStoredPeerBook(store),
    checkpoints: createStoredCheckpoints(store, clock),
    banBook: createStoredBanBook(store),
    evidenceBook: createEvidenceFiles(config.dataDir, logger),
    clock,
    random,
    logger: logger.child({ part: "peers" }),
    metrics,
    self: {
      client: `counterpart/${VERSION}`,
      instanceId,
      signer: keys.own,
      forkRulesId: POA_RULES_ID,
      certifies: genesis.signers.length > 0,
      consensus: "poa",
    },
    bootstrap: config.peer,
    joins: config.sync === "snap",
  });
  const sealer = createSealerLoop({
    engine,
    self: keys.own,
    heardAt: (signer) => driver.leader(signer)?.heardAtMs,
    isDiverged: () => driver.divergence() !== undefined,
    catchingUpMs: driver.catchingUpMs,
    clock,
    random,
    logger: logger.child({ part: "sealer" }),
  });
  chain.remote.source = driver.state;
  onStop(() => driver.stop());
  await driver.start();
  sealer.start();
  onStop(() => sealer.stop());
  return driver;
}

async function startApi(
  { config, logger, clock, metrics, onStop }: Ground,
  chain: Chain,
  network: Driver,
): Promise<string> {
  const { store, keys, engine, contracts, genesis, instanceId } = chain;
  const makeToken = async (): Promise<Uint8Array> => randomBytes(32);
  const token = isLoopback(config.apiHost) ? undefined : await openSecret(join(config.dataDir, "api-token"), makeToken);
  const api = createApiServer({
    backend: {
      version: VERSION,
      instanceId,
      startedAt: clock.now(),
      engine,
      contracts,
      network,
      keys,
      now: () => clock.now(),
    },
    clock,
    logger: logger.child({ part: "api" }),
    metrics,
    host: config.apiHost,
    port: config.apiPort,
    ...(token === undefined ? {} : { token: bytesToHex(token) }),
    certified: genesis.signers.length > 0 ? "signer" : "none",
    damage: () => store.damage,
  });
  const { url } = await api.start();
  onStop(() => api.stop());
  return url;
}

/** A node with this configuration. Nothing is opened before `start`. */
export async function createApp(config: NodeConfig, { logger }: { readonly logger: Logger }): Promise<App> {
  const stops: (() => Promise<void> | void)[] = [];
  const ground: Ground = {
    config,
    logger,
    clock: createSystemClock(),
    random: createSystemRandom(),
    metrics: createMetricsRegistry(),
    onStop: (stop) => stops.push(stop),
  };
  const stopAll = async (): Promise<void> => {
    for (const stop of stops.splice(0).reverse()) {
      try {
        await stop();
      } catch (error) {
        logger.error("a part did not stop cleanly", { error: String(error) });
      }
    }
  };
  let isDiverged = (): boolean => false;
  const startAll = async (): Promise<Addresses> => {
    checkPeers(config.peer);
    await chooseCrypto(logger);
    const chain = await openChain(ground);
    const network = await startNetwork(ground, chain);
    isDiverged = () => network.divergence() !== undefined;
    const api = await startApi(ground, chain, network);
    return { api, p2p: network.addresses(), dataDir: config.dataDir, account: chain.keys.own };
  };
  return {
    async start() {
      try {
        return await startAll();
      } catch (error) {
        await stopAll();
        throw error;
      }
    },
    isDiverged: () => isDiverged(),
    stop: stopAll,
  };
}
