/** What `counterpart doctor` measures: this machine, the data directory, and the node that runs, if one does. */

import { accessSync, constants, existsSync, statfsSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { bytesToHex } from "@counterpart/core/base/bytes";
import { isCodedError, reasonOf } from "@counterpart/core/base/errors";
import { checkGenesisTime } from "../app/checks.ts";
import type { NodeConfig } from "../config.ts";
import { createNativeCrypto } from "../crypto/native.ts";
import { foreignGenesisHash } from "../engine/imported.ts";
import { ownGenesisHash } from "../engine/open-genesis.ts";
import { metaKey } from "../engine/rows.ts";
import { readGenesis } from "../store/genesis-file.ts";
import { holderOf } from "../store/holder.ts";
import { createSystemClock } from "../telemetry/runtime.ts";
import { VERSION } from "../version.ts";
import type { ApiClient } from "./client/api-client.ts";
import { NodeRefusal } from "./client/refusal.ts";
import { DATABASE } from "./draft.ts";
import {
  type Finding,
  type GenesisFacts,
  isShort,
  judgeCrypto,
  judgeDataDir,
  judgeDisk,
  judgeGenesis,
  judgeLmdb,
  judgeNodeVersion,
  judgePeers,
  judgePort,
  judgeRunning,
  type PeerClock,
  type RunningNode,
} from "./findings.ts";

interface VersionAnswer {
  readonly version: string;
  readonly chain_id: number;
  readonly genesis_hash: string;
  readonly uptime_ms: number;
  readonly crypto: string;
}

interface PeerAnswer {
  readonly address: string;
  readonly state: string;
  readonly clock_difference_ms: number | null;
  readonly last_error: string | null;
}

/** The node that answers, with what it says of itself; or why none does. */
interface Running {
  readonly node?: RunningNode;
  readonly genesis?: GenesisFacts;
  readonly peers?: readonly PeerClock[];
  /** Ports of the peers that it listens on. */
  readonly ports?: ReadonlySet<number>;
  readonly reason?: string;
}

async function readReady(client: ApiClient): Promise<string | undefined> {
  try {
    await client.get("ready");
    return undefined;
  } catch (error) {
    if (error instanceof NodeRefusal) return error.code;
    throw error;
  }
}

async function askNode(client: ApiClient): Promise<Running> {
  try {
    const [version, notReady, { peers }, { addresses }] = await Promise.all([
      client.get<VersionAnswer>("version"),
      readReady(client),
      client.get<{ peers: readonly PeerAnswer[] }>("network/peers"),
      client.get<{ addresses: readonly string[] }>("network"),
    ]);
    const { version: running, uptime_ms: uptimeMs, crypto, chain_id: chainId, genesis_hash: hash } = version;
    return {
      node: { url: client.url, version: running, ownVersion: VERSION, uptimeMs, crypto, notReady },
      genesis: { chainId, hash },
      peers: peers.map((peer) => ({
        address: peer.address,
        state: peer.state,
        differenceMs: peer.clock_difference_ms ?? undefined,
        lastError: peer.last_error ?? undefined,
      })),
      ports: new Set(addresses.map((address) => Number(/\/tcp\/(\d+)/.exec(address)?.[1] ?? 0))),
    };
  } catch (error) {
    if (isCodedError(error) || error instanceof NodeRefusal) return { reason: error.message };
    throw error;
  }
}

/** The system's code where a port cannot be had; listening is the one sure way to know. */
function tryPort(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

async function examinePorts(config: NodeConfig, url: string, { node, ports = new Set() }: Running): Promise<Finding[]> {
  const isOwnApi = node !== undefined && Number(new URL(url).port) === config.apiPort;
  const wanted = [
    { name: "api", flag: "--api-port", host: config.apiHost, port: config.apiPort, isOurs: isOwnApi },
    { name: "p2p", flag: "--p2p-port", host: config.p2pHost, port: config.p2pPort, isOurs: ports.has(config.p2pPort) },
    ...(config.wsPort === undefined
      ? []
      : ([
          {
            name: "ws",
            flag: "--ws-port",
            host: config.p2pHost,
            port: config.wsPort,
            isOurs: ports.has(config.wsPort),
          },
        ] as const)),
  ] as const;
  return Promise.all(
    wanted.map(async (place) => {
      const error = place.port === 0 ? undefined : await tryPort(place.host, place.port);
      return judgePort({ ...place, error });
    }),
  );
}

/** The folder itself, or the nearest one above it that there is. */
function nearestFolder(path: string): string {
  for (let folder = path; ; folder = dirname(folder)) {
    if (existsSync(folder) || dirname(folder) === folder) return folder;
  }
}

function writeError(folder: string): string | undefined {
  try {
    // With the dot, which a file has not.
    accessSync(`${folder}/.`, constants.R_OK | constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return reasonOf(error);
  }
}

/** Bytes of a copy without free pages; undefined where there is no database that can be read. */
async function copyBytesOf(dataDir: string): Promise<number | undefined> {
  try {
    const { readStats } = await import("./db-stats.ts");
    const { bytes, freeBytes } = await readStats(dataDir);
    return bytes - freeBytes;
  } catch {
    // What is wrong with the database, or with LMDB, is a finding of its own.
    return undefined;
  }
}

async function examineDataDir({ dataDir }: NodeConfig, isNodeRunning: boolean): Promise<Finding[]> {
  const folder = nearestFolder(dataDir);
  const exists = folder === dataDir;
  const error = writeError(folder);
  const state = {
    path: dataDir,
    exists,
    error,
    heldBy: exists && error === undefined ? holderOf(dataDir) : undefined,
    isNodeRunning,
    hasDatabase: existsSync(join(dataDir, DATABASE)),
  };
  const { bavail, bsize } = statfsSync(folder);
  const freeBytes = bavail * bsize;
  const copyBytes = isShort(freeBytes) ? await copyBytesOf(dataDir) : undefined;
  return [judgeDataDir(state), judgeDisk(folder, freeBytes, copyBytes)];
}

/** What the settings say that the chain begins with. @throws CodedError `INVALID_GENESIS` */
function expectedGenesis(path: string | undefined): GenesisFacts {
  const genesis = readGenesis(path);
  if ("foreign" in genesis) {
    const { foreign } = genesis;
    return { chainId: foreign.schedule.chainId, hash: foreignGenesisHash(foreign) };
  }
  const { own } = genesis;
  checkGenesisTime(own, createSystemClock().now());
  return { chainId: own.chainId, hash: ownGenesisHash(own) };
}

/** Of the database, which is probed first: a damaged file ends the process that opens it. */
async function storedGenesis(dataDir: string): Promise<string | undefined> {
  const path = join(dataDir, DATABASE);
  if (!existsSync(path)) return undefined;
  const [{ openSharedStore }, { probeDatabase }] = await Promise.all([
    import("../store/shared-store.ts"),
    import("../store/probe.ts"),
  ]);
  await probeDatabase(path);
  const store = openSharedStore(path);
  try {
    const row = store.get("meta", metaKey("genesis"));
    return row === undefined ? undefined : bytesToHex(row);
  } finally {
    await store.close();
  }
}

async function examineGenesis({ genesis, dataDir }: NodeConfig, running: GenesisFacts | undefined): Promise<Finding[]> {
  let expected: GenesisFacts;
  try {
    expected = expectedGenesis(genesis);
  } catch (error) {
    const advice = "mend the file; counterpart network create makes one";
    return [{ check: "genesis", verdict: "wrong", message: reasonOf(error), advice }];
  }
  try {
    return [judgeGenesis(expected, await storedGenesis(dataDir), running)];
  } catch (error) {
    const message = `the database cannot be read: ${reasonOf(error)}`;
    const advice = isCodedError(error, "STORE_VERSION")
      ? "start the node once: it brings the database up to date"
      : "run counterpart db verify; restore a backup";
    return [
      { check: "database", verdict: isCodedError(error, "STORE_VERSION") ? "warning" : "wrong", message, advice },
    ];
  }
}

async function lmdbError(): Promise<string | undefined> {
  try {
    await import("../store/lmdb-store.ts");
    return undefined;
  } catch (error) {
    return reasonOf(error);
  }
}

/** Everything that can be looked at without changing anything. */
export async function examine(config: NodeConfig, client: ApiClient): Promise<readonly Finding[]> {
  const lmdb = judgeLmdb(await lmdbError());
  const { fallbacks } = await createNativeCrypto();
  const running = await askNode(client);
  const genesis = lmdb.verdict === "ok" ? await examineGenesis(config, running.genesis) : [];
  return [
    judgeNodeVersion(process.versions.node),
    lmdb,
    judgeCrypto(fallbacks),
    ...(await examineDataDir(config, running.node !== undefined)),
    ...(await examinePorts(config, client.url, running)),
    ...genesis,
    judgeRunning(client.url, running.node, running.reason),
    ...(running.peers === undefined ? [] : judgePeers(running.peers)),
  ];
}
