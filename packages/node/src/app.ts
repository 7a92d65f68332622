/**
 * The composition root: the only place where storage, network, keys and interfaces meet. Parts start in the order below
 * and stop in the opposite one; when one fails to start, those before it are stopped.
 */

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { bytesToHex } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import type { Genesis } from "@counterpart/core/chain/genesis";
import type { ForkSchedule } from "@counterpart/core/consensus/fork-schedule";
import { POA_RULES_ID } from "@counterpart/core/consensus/poa";
import { useCrypto } from "@counterpart/core/crypto/crypto";
import type { Clock, Logger, Random } from "@counterpart/core/ports/runtime";
import type { RecoverSenders } from "@counterpart/core/ports/senders";
import type { Store } from "@counterpart/core/ports/store";
import { isLoopback } from "./api/guards.ts";
import { createApiServer } from "./api/server.ts";
import {
  checkAttached,
  checkCertified,
  checkContracts,
  checkGenesisTime,
  checkReadOnly,
  chosenOf,
  isDevelopment,
  privateNetworkOf,
} from "./app/checks.ts";
import { openNodeStore } from "./app/node-store.ts";
import type { Addresses, App } from "./app-types.ts";
import { zstd } from "./compression/zstd.ts";
import { type NodeConfig, rpcLimitsOf } from "./config.ts";
import { createArtifactTable } from "./contracts/artifact-table.ts";
import { createCompiler } from "./contracts/compiler.ts";
import { createIdempotency, forgottenBy } from "./contracts/idempotency.ts";
import type { Waiters } from "./contracts/inclusion.ts";
import { createContractService } from "./contracts/service.ts";
import type { ContractService } from "./contracts/types.ts";
import { createNativeCrypto } from "./crypto/native.ts";
import { createSenderRecovery } from "./crypto/sender-recovery.ts";
import { createDevelopmentNode, type DevelopmentNode, detachedError } from "./driver/development-node.ts";
import { PEERS_MAX } from "./driver/limits.ts";
import { createNetworkService } from "./driver/network-service.ts";
import { createNoNetwork } from "./driver/no-network.ts";
import { hasLink } from "./driver/peer-view.ts";
import { createSealerLoop, type SealerLoop } from "./driver/sealer.ts";
import { createStoredBanBook, createStoredCheckpoints, createStoredPeerBook } from "./driver/stored.ts";
import type { NetworkService } from "./driver/types.ts";
import { createEngine } from "./engine/engine.ts";
import { createExecutors } from "./engine/executors.ts";
import { foreignGenesisHash, readImported } from "./engine/imported.ts";
import { createImportedEngine } from "./engine/imported-engine.ts";
import { otherGenesis } from "./engine/open-genesis.ts";
import { type LateRemote, lateRemote } from "./engine/remote-state.ts";
import type { ChainEngine, Engine } from "./engine/types.ts";
import { developmentKeys } from "./keys/development.ts";
import { createKeyRing } from "./keys/key-ring.ts";
import { isOpenToOthers, openSecret, readPassword } from "./keys/secret-file.ts";
import type { KeyRing } from "./keys/types.ts";
import { createVault, type Vault } from "./keys/web3-secret.ts";
import { createLibp2pNetwork } from "./net/libp2p-network.ts";
import { createPeerKey } from "./net/peer-key.ts";
import type { GuardedStore } from "./store/damage-guard.ts";
import { createEvidenceFiles } from "./store/evidence-files.ts";
import { readGenesis } from "./store/genesis-file.ts";
import { openInstanceId } from "./store/instance-id.ts";
import { createMetricsRegistry, type MetricsRegistry } from "./telemetry/metrics.ts";
import { createSystemClock, createSystemRandom } from "./telemetry/runtime.ts";
import { VERSION } from "./version.ts";

// What a program needs that has a node in it.
export type { Addresses, App } from "./app-types.ts";
export { CONFIG_DEFAULTS, type NodeConfig } from "./config.ts";
export { createLogger } from "./telemetry/logger.ts";

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
  readonly engine: ChainEngine;
  readonly contracts: ContractService;
  readonly waiters: Waiters;
  readonly instanceId: string;
  readonly recoverSenders: RecoverSenders;
  /** Whether somebody stands for each block. */
  readonly certifies: boolean;
  /** Absent where the chain was imported. */
  readonly own?: OwnChain;
}

/** What only a chain has that this node extends. */
interface OwnChain {
  readonly engine: Engine;
  readonly remote: LateRemote;
}

/** The crypto port is one for the process, so it is chosen once however many nodes run in it. */
let cryptoChosen: Promise<void> | undefined;

export function chooseCrypto(logger: Logger): Promise<void> {
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

function startRecovery({ clock, logger, onStop }: Ground): RecoverSenders {
  const { recover, stop } = createSenderRecovery({ clock, logger: logger.child({ part: "crypto" }) });
  onStop(stop);
  return recover;
}

/** @throws CodedError `INVALID_GENESIS` when the file is another chain's */
function checkImported(engine: ChainEngine, { genesis: path }: NodeConfig): void {
  if (path === undefined) return;
  const genesis = readGenesis(path);
  const given = "foreign" in genesis ? foreignGenesisHash(genesis.foreign) : undefined;
  if (given !== engine.genesisHash) throw otherGenesis(engine.genesisHash, given);
}

function openImportedChain({ config, logger, clock }: Ground, store: Store, schedule: ForkSchedule): ChainEngine {
  checkReadOnly(config);
  const engine = createImportedEngine({ store, schedule, clock, logger: logger.child({ part: "engine" }) });
  checkImported(engine, config);
  const { number, hash } = engine.head();
  logger.info("an imported chain is served, read-only", { chainId: engine.chainId, number, hash });
  return engine;
}

function openOwnChain(ground: Ground, store: GuardedStore, keys: KeyRing, genesis: Genesis): OwnChain {
  const { config, logger, clock, metrics } = ground;
  const remote: LateRemote = {};
  checkAttached(store, config, genesis);
  const development = isDevelopment(config, genesis);
  const engine = createEngine({
    store,
    genesis,
    ...createExecutors(genesis.chainId, clock, development),
    development,
    sealer: { address: keys.own, sign: (digest) => keys.sign(keys.own, digest) },
    clock,
    logger: logger.child({ part: "engine" }),
    metrics,
    ...(config.role === "replica" ? { replica: chosenOf(config.contracts) } : {}),
    ...(config.history === "archive" ? {} : { historyBlocks: config.history }),
    remote: lateRemote(remote),
    onDamage: store.noteDamage,
  });
  return { engine, remote };
}

/** The genesis of a chain of this node's own, as configured. @throws CodedError `INVALID_GENESIS`, `INVALID_CONFIG` */
function ownGenesis({ config, clock }: Ground): Genesis | undefined {
  const genesis = readGenesis(config.genesis);
  if ("foreign" in genesis) return undefined;
  checkGenesisTime(genesis.own, clock.now());
  checkCertified(config, genesis.own);
  checkContracts(config);
  return genesis.own;
}

/** The chain that the store holds or begins. @throws CodedError `INVALID_GENESIS`, `INVALID_CONFIG` */
function openEngine(ground: Ground, store: GuardedStore, keys: KeyRing, genesis: Genesis | undefined) {
  const schedule = readImported(store);
  if (schedule !== undefined) return { engine: openImportedChain(ground, store, schedule), certifies: false };
  if (genesis === undefined) {
    const advice = "this is a genesis file of other clients: `counterpart import` takes its chain in";
    throw new CodedError("INVALID_GENESIS", `${advice}, and a node then serves it`);
  }
  const own = openOwnChain(ground, store, keys, genesis);
  return { engine: own.engine, own, certifies: genesis.signers.length > 0 };
}

/** What keeps the accounts' keys; undefined where they are kept in the clear. @throws CodedError `INVALID_CONFIG` */
function openVault({ keystorePasswordFile: path }: NodeConfig): Vault | undefined {
  return path === undefined ? undefined : createVault(readPassword(path));
}

/** The operator's own files, whose mode is his: a mounted secret may have no other. */
function warnOfOpenSecrets({ config, logger }: Ground): void {
  for (const path of [config.networkKey, config.keystorePasswordFile]) {
    if (path !== undefined && isOpenToOthers(path)) logger.warn("a secret is open to other users", { path });
  }
}

async function openChain(ground: Ground): Promise<Chain> {
  const { config, logger, clock, onStop } = ground;
  const genesis = ownGenesis(ground);
  const store = await openNodeStore({ ...ground, dataDir: config.dataDir });
  const keys = createKeyRing({
    dir: join(config.dataDir, "keys"),
    vault: openVault(config),
    extraKeys: config.dev ? developmentKeys() : [],
    logger,
  });
  const opened = openEngine(ground, store, keys, genesis);
  const { engine } = opened;
  onStop(() => engine.stop());
  const instanceId = openInstanceId(store);
  const waiters: Waiters = { count: 0 };
  const contracts = createContractService({
    ...{ engine, keys, clock, instanceId, waiters },
    logger: logger.child({ part: "contracts" }),
    artifacts: createArtifactTable(store),
    idempotency: createIdempotency(store, clock, forgottenBy(engine)),
    compile: createCompiler(),
  });
  onStop(() => contracts.stop());
  return { store, keys, contracts, waiters, instanceId, recoverSenders: startRecovery(ground), ...opened };
}

/** What peers and callers reach of a chain of this node's own. */
interface Served {
  readonly driver: NetworkService;
  readonly development?: DevelopmentNode;
}

function startDevelopment(
  { clock, random, logger: log, onStop }: Ground,
  { development: chain }: Engine,
  network: NetworkService,
  sealer: SealerLoop,
): Pick<Served, "development"> {
  if (chain === undefined) return {};
  const logger = log.child({ part: "dev" });
  const development = createDevelopmentNode({ chain, network, sealer, clock, random, logger });
  onStop(() => development.stop());
  return { development };
}

async function startNetwork(ground: Ground, chain: Chain, { engine, remote }: OwnChain): Promise<Served> {
  const { config, logger, clock, random, metrics, onStop } = ground;
  const { store, keys, contracts, certifies, instanceId } = chain;
  const network = await createLibp2pNetwork({
    privateKey: await openSecret(join(config.dataDir, "keys", "peer.key"), createPeerKey),
    host: config.p2pHost,
    port: config.p2pPort,
    wsPort: config.wsPort,
    ...privateNetworkOf(config),
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
      certifies,
      consensus: "poa",
    },
    bootstrap: config.peer,
    joins: config.sync === "snap",
    recoverSenders: chain.recoverSenders,
    detached: () => detachedError(engine.development),
  });
  const sealer = createSealerLoop({
    engine,
    self: keys.own,
    heardAt: (signer) => driver.leader(signer)?.heardAtMs,
    isDiverged: () => driver.divergence() !== undefined,
    isAwaited: () => chain.waiters.count > 0,
    hasPeers: () => driver.peers().some(hasLink),
    catchingUpMs: driver.catchingUpMs,
    clock,
    random,
    logger: logger.child({ part: "sealer" }),
  });
  remote.source = driver.state;
  onStop(() => driver.stop());
  await driver.start();
  sealer.start();
  onStop(() => sealer.stop());
  return { driver, ...startDevelopment(ground, engine, driver, sealer) };
}

async function startApi(
  { config, logger, clock, metrics, onStop }: Ground,
  chain: Chain,
  { driver: network, development }: Served,
): Promise<string> {
  const { store, keys, engine, contracts, waiters, certifies, instanceId } = chain;
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
      ...(development === undefined ? {} : { development }),
      recoverSenders: chain.recoverSenders,
      waiters,
      now: () => clock.now(),
    },
    clock,
    logger: logger.child({ part: "api" }),
    metrics,
    host: config.apiHost,
    port: config.apiPort,
    ...(token === undefined ? {} : { token: bytesToHex(token) }),
    certified: certifies ? "signer" : "none",
    rpcLimits: rpcLimitsOf(config),
    rate: config.apiRate,
    allowedHosts: config.allowHosts,
    allowedOrigins: config.allowOrigins,
    logLimits: { blocks: config.logBlocks, results: config.logResults },
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
    privateNetworkOf(config);
    await chooseCrypto(logger);
    const chain = await openChain(ground);
    warnOfOpenSecrets(ground);
    const served =
      chain.own === undefined
        ? { driver: createNoNetwork(chain.engine, ground.clock) }
        : await startNetwork(ground, chain, chain.own);
    const { driver: network } = served;
    isDiverged = () => network.divergence() !== undefined;
    const api = await startApi(ground, chain, served);
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
