/** What `counterpart doctor` finds: pure judgements on what was measured, each with what to do about it. */

import type { Style } from "./render/style.ts";
import { printable } from "./render/table.ts";
import { duration, size } from "./render/units.ts";

/** `wrong` keeps a node from working; `warning` will, or makes it slow; `unknown` could not be looked at. */
export type Verdict = "ok" | "warning" | "wrong" | "unknown";

export interface Finding {
  /** Stable, for programs: `node-version`, `port-api`. */
  readonly check: string;
  readonly verdict: Verdict;
  readonly message: string;
  /** Absent where there is nothing to do. */
  readonly advice?: string;
}

const NODE_MAJOR_MIN = 24;
const DISK_WRONG_BYTES = 256 * 1024 * 1024;
const DISK_WARNING_BYTES = 2 * 1024 ** 3;
/** Beyond it nodes refuse each other; see docs/PROTOCOL.md. */
const SKEW_WRONG_MS = 60_000;
const SKEW_WARNING_MS = 5_000;

export function judgeNodeVersion(version: string): Finding {
  const check = "node-version";
  const major = Number(/^(\d+)\./.exec(version)?.[1] ?? 0);
  if (major >= NODE_MAJOR_MIN) return { check, verdict: "ok", message: `Node ${version}` };
  const advice = `install Node ${NODE_MAJOR_MIN} or later, from https://nodejs.org`;
  return { check, verdict: "wrong", message: `Node ${version} is too old`, advice };
}

export interface Fallback {
  readonly part: string;
  readonly reason: string;
}

const SLOW: Readonly<Record<string, string>> = {
  secp256k1: "signatures take 20 times as long",
  keccak256: "hashing takes 5 times as long",
  bn254: "its precompiled contracts take 5 times as long",
  "bls12-381": "its precompiled contracts take 5 times as long",
  p256: "its precompiled contract takes 5 times as long",
};

/** @param fallbacks the parts whose slow twins are in use */
export function judgeCrypto(fallbacks: readonly Fallback[]): Finding {
  const check = "native-crypto";
  if (fallbacks.length === 0)
    return { check, verdict: "ok", message: "native signatures, hashing and curves are in use" };
  const parts = fallbacks.map(({ part, reason }) => `${part} is the slow twin, ${SLOW[part] ?? "slower"} (${reason})`);
  const advice =
    "reinstall with npm ci on this machine; where there is no prebuilt module, a C++ compiler and Python are needed";
  return { check, verdict: "warning", message: parts.join("; "), advice };
}

/** @param reason why LMDB cannot be loaded; undefined when it can */
export function judgeLmdb(reason: string | undefined): Finding {
  const check = "native-lmdb";
  if (reason === undefined) return { check, verdict: "ok", message: "LMDB is loaded" };
  const advice = "run npm ci on this machine: a node_modules folder of another system does not do";
  return { check, verdict: "wrong", message: `LMDB, the database, cannot be loaded: ${reason}`, advice };
}

export interface PortState {
  readonly name: "api" | "p2p" | "ws";
  readonly flag: string;
  readonly host: string;
  readonly port: number;
  /** The system's code, such as `EADDRINUSE`; undefined when the port can be had. */
  readonly error: string | undefined;
  /** Whether the node that was asked holds it. */
  readonly isOurs: boolean;
}

export function judgePort({ name, flag, host, port, error, isOurs }: PortState): Finding {
  const check = `port-${name}`;
  const at = `${host}:${port}`;
  if (port === 0) return { check, verdict: "ok", message: `${flag} 0: any free port` };
  if (error === undefined) return { check, verdict: "ok", message: `${at} is free` };
  if (error === "EADDRINUSE" && isOurs) return { check, verdict: "ok", message: `${at} is the running node's` };
  if (error === "EADDRINUSE") {
    return {
      check,
      verdict: "wrong",
      message: `${at} is taken`,
      advice: `end what listens there, or choose another ${flag}`,
    };
  }
  if (error === "EACCES") {
    const advice = `ports below 1024 need rights; choose another ${flag}`;
    return { check, verdict: "wrong", message: `${at} may not be used`, advice };
  }
  const advice = `is ${host} an address of this machine?`;
  return { check, verdict: "wrong", message: `${at} cannot be listened on (${error})`, advice };
}

export interface DataDirState {
  readonly path: string;
  readonly exists: boolean;
  /** Why nothing can be written there; undefined when it can. */
  readonly error: string | undefined;
  /** Process that holds it, as far as is known. */
  readonly heldBy: number | undefined;
  /** Whether the node that was asked answers. */
  readonly isNodeRunning: boolean;
  readonly hasDatabase: boolean;
}

export function judgeDataDir(state: DataDirState): Finding {
  const { path, exists, error, heldBy, isNodeRunning, hasDatabase } = state;
  const check = "data-dir";
  if (error !== undefined) {
    const advice = "choose another --data-dir, or make it this user's";
    return { check, verdict: "wrong", message: `${path} cannot be written: ${error}`, advice };
  }
  if (heldBy !== undefined && isNodeRunning)
    return { check, verdict: "ok", message: `${path} is in use by process ${heldBy}` };
  if (heldBy !== undefined) {
    const advice = "stop that process, or give --url with the address at which it answers";
    return {
      check,
      verdict: "warning",
      message: `${path} is in use by process ${heldBy}, which does not answer here`,
      advice,
    };
  }
  const what = hasDatabase ? "holds a database" : exists ? "is empty" : "will be made";
  return { check, verdict: "ok", message: `${path} ${what}` };
}

/** Whether a node may soon have no room. @param freeBytes that this user may take */
export const isShort = (freeBytes: number): boolean => freeBytes < DISK_WARNING_BYTES;

/** @param copyBytes of the database without its free pages, as pruning copies it; undefined where that is not known */
export function judgeDisk(path: string, freeBytes: number, copyBytes: number | undefined): Finding {
  const check = "disk";
  const message = `${size(freeBytes)} free at ${path}`;
  if (!isShort(freeBytes)) return { check, verdict: "ok", message };
  const verdict = freeBytes < DISK_WRONG_BYTES ? "wrong" : "warning";
  const advice = `make room: a node on a full disk takes no transactions${pruneAdvice(freeBytes, copyBytes)}`;
  return { check, verdict, message, advice };
}

function pruneAdvice(freeBytes: number, copyBytes: number | undefined): string {
  if (copyBytes === undefined) return "";
  const help = "; counterpart db prune helps";
  return copyBytes < freeBytes ? help : `${help} once ${size(copyBytes)} are free, which its copy needs`;
}

export interface GenesisFacts {
  readonly chainId: number;
  readonly hash: string;
}

const SAME_GENESIS =
  "give the genesis file of the network (--genesis, or genesis.json in the data directory), and each network a data directory of its own";

/** @param stored of the data directory; @param running of the node that was asked */
export function judgeGenesis(
  expected: GenesisFacts,
  stored: string | undefined,
  running: GenesisFacts | undefined,
): Finding {
  const check = "genesis";
  const own = `chain ${expected.chainId}, genesis ${expected.hash}`;
  if (stored !== undefined && stored !== expected.hash) {
    const message = `the data directory is of genesis ${stored}, the settings say ${own}`;
    return { check, verdict: "wrong", message, advice: SAME_GENESIS };
  }
  if (running !== undefined && running.hash !== expected.hash) {
    const message = `the running node is on chain ${running.chainId}, genesis ${running.hash}; the settings say ${own}`;
    return { check, verdict: "wrong", message, advice: SAME_GENESIS };
  }
  const places = [
    stored === undefined ? [] : ["the data directory"],
    running === undefined ? [] : ["the running node"],
  ].flat();
  return { check, verdict: "ok", message: places.length === 0 ? own : `${own}, as in ${places.join(" and ")}` };
}

export interface RunningNode {
  readonly url: string;
  readonly version: string;
  readonly ownVersion: string;
  readonly uptimeMs: number;
  readonly crypto: string;
  /** The code of `GET ready`'s refusal; undefined when it is ready. */
  readonly notReady: string | undefined;
}

const NOT_READY_ADVICE: Readonly<Record<string, string>> = {
  DIVERGED: "counterpart status names the block; docs/OPERATIONS.md says what to do",
  STORE_CORRUPT: "stop it and run counterpart db verify; restore a backup",
  STORE_WRITE_FAILED: "start it again; its log says why its database takes nothing more",
};

/** @param node undefined when none answers, which is no fault by itself */
export function judgeRunning(url: string, node: RunningNode | undefined, reason: string | undefined): Finding {
  const check = "node";
  if (node === undefined) {
    const advice = "counterpart start starts one; --url names another address";
    return { check, verdict: "unknown", message: reason ?? `no node answers at ${url}`, advice };
  }
  const { version, ownVersion, uptimeMs, crypto, notReady } = node;
  const what = `node ${version} answers at ${url}, for ${duration(uptimeMs)}, ${crypto} cryptography`;
  if (notReady !== undefined) {
    const advice = NOT_READY_ADVICE[notReady] ?? "counterpart status --watch shows how far it has come";
    return {
      check,
      verdict: notReady === "NOT_READY" ? "warning" : "wrong",
      message: `${what}, but is not ready: ${notReady}`,
      advice,
    };
  }
  if (version !== ownVersion) {
    return {
      check,
      verdict: "warning",
      message: `${what}; this program is ${ownVersion}`,
      advice: "restart the node with this program, or the other way round",
    };
  }
  return { check, verdict: "ok", message: what };
}

export interface PeerClock {
  readonly address: string;
  readonly state: string;
  /** The peer's minus the node's. */
  readonly differenceMs: number | undefined;
  readonly lastError: string | undefined;
}

const NTP = "set the clocks by NTP; nodes more than 60 s apart refuse each other";

/** Clocks, and peers that cannot be reached. */
export function judgePeers(peers: readonly PeerClock[]): readonly Finding[] {
  const skews = peers.flatMap(({ differenceMs }) => (differenceMs === undefined ? [] : [Math.abs(differenceMs)]));
  const refused = peers.some(({ lastError }) => lastError === "CLOCK_SKEW");
  const most = Math.max(0, ...skews);
  const isWrong = refused || most > SKEW_WRONG_MS;
  const message = refused
    ? "a peer refuses this node because their clocks are more than 60 s apart"
    : skews.length === 0
      ? "no peer is connected to compare clocks with"
      : `clocks of ${skews.length} ${skews.length === 1 ? "peer" : "peers"} are within ${Math.round(most)} ms`;
  const isLate = isWrong || most > SKEW_WARNING_MS;
  const clock: Finding = {
    check: "clock",
    verdict: isWrong ? "wrong" : isLate ? "warning" : skews.length === 0 ? "unknown" : "ok",
    message,
    ...(isLate && { advice: NTP }),
  };
  const gone = peers.filter(({ lastError, state }) => lastError !== undefined && state === "disconnected");
  const others = gone.map(
    ({ address, lastError }): Finding => ({
      check: "peer",
      verdict: "warning",
      message: `${address} cannot be reached: ${lastError}`,
      advice:
        "is it running, is its --p2p-host more than loopback, and is the port open? counterpart peers disconnect forgets it",
    }),
  );
  return [clock, ...others];
}

const MARKS: Readonly<Record<Verdict, string>> = { ok: "ok", warning: "WARN", wrong: "WRONG", unknown: "?" };

export function renderFindings(findings: readonly Finding[], style: Style): string {
  const paint = { ok: style.green, warning: style.yellow, wrong: style.red, unknown: style.dim };
  return findings
    .map(({ verdict, message, advice }) => {
      const mark = paint[verdict](MARKS[verdict].padEnd(5));
      return `${mark}  ${printable(message)}\n${advice === undefined ? "" : `       ${style.dim(printable(advice))}\n`}`;
    })
    .join("");
}
