import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Finding,
  judgeCrypto,
  judgeDataDir,
  judgeDisk,
  judgeGenesis,
  judgeLmdb,
  judgeNodeVersion,
  judgePeers,
  judgePort,
  judgeRunning,
  renderFindings,
} from "./findings.ts";
import { PLAIN } from "./render/style.ts";

/** Whatever is not as it should be says what to do. */
function verdictOf(finding: Finding): string {
  const { verdict, advice, message } = finding;
  if (verdict === "wrong" || verdict === "warning") assert.ok(advice !== undefined && advice.length > 0, message);
  return verdict;
}

test("Node, native modules and disk are judged by what a node needs", () => {
  assert.deepEqual(["24.21.0", "26.0.0", "22.1.0", "nothing"].map(judgeNodeVersion).map(verdictOf), [
    "ok",
    "ok",
    "wrong",
    "wrong",
  ]);
  assert.equal(verdictOf(judgeCrypto([])), "ok");
  const slow = judgeCrypto([{ part: "secp256k1", reason: "no binding" }]);
  assert.deepEqual([verdictOf(slow), /secp256k1 is the slow twin.*no binding/.test(slow.message)], ["warning", true]);
  assert.deepEqual([judgeLmdb(undefined), judgeLmdb("no binding")].map(verdictOf), ["ok", "wrong"]);
  const [much, little, none] = [5 * 2 ** 30, 2 ** 30, 2 ** 20].map((bytes) => judgeDisk("/", bytes, undefined));
  assert.deepEqual(
    [much, little, none].map((finding) => verdictOf(finding as Finding)),
    ["ok", "warning", "wrong"],
  );
});

test("pruning is advised on a short disk only where its copy has room", () => {
  const adviceFor = (copyBytes: number | undefined) => judgeDisk("/", 2 ** 20, copyBytes).advice ?? "";
  assert.match(adviceFor(2 ** 19), /; counterpart db prune helps$/);
  assert.match(adviceFor(2 ** 21), /; counterpart db prune helps once 2\.0 MiB are free, which its copy needs$/);
  assert.match(adviceFor(undefined), /takes no transactions$/);
});

test("a port that the running node holds is no fault, one of somebody else is", () => {
  const port = { name: "api", flag: "--api-port", host: "127.0.0.1", port: 8080, isOurs: false } as const;
  assert.equal(verdictOf(judgePort({ ...port, error: undefined })), "ok");
  assert.equal(verdictOf(judgePort({ ...port, error: "EADDRINUSE" })), "wrong");
  assert.equal(verdictOf(judgePort({ ...port, error: "EADDRINUSE", isOurs: true })), "ok");
  assert.match(judgePort({ ...port, error: "EADDRNOTAVAIL" }).advice ?? "", /address of this machine/);
  assert.equal(verdictOf(judgePort({ ...port, error: "EACCES" })), "wrong");
  assert.equal(verdictOf(judgePort({ ...port, port: 0, error: undefined })), "ok");
});

test("a data directory is judged by who holds it and whether it can be written", () => {
  const state = {
    path: "/d",
    exists: true,
    error: undefined,
    heldBy: undefined,
    isNodeRunning: false,
    hasDatabase: true,
  };
  assert.equal(verdictOf(judgeDataDir(state)), "ok");
  assert.equal(verdictOf(judgeDataDir({ ...state, heldBy: 7, isNodeRunning: true })), "ok");
  assert.equal(verdictOf(judgeDataDir({ ...state, heldBy: 7 })), "warning");
  assert.equal(verdictOf(judgeDataDir({ ...state, error: "EACCES" })), "wrong");
});

test("a genesis that differs from the stored or the running one is wrong", () => {
  const own = { chainId: 1, hash: "0xa" };
  assert.equal(verdictOf(judgeGenesis(own, undefined, undefined)), "ok");
  assert.equal(
    judgeGenesis(own, "0xa", own).message,
    "chain 1, genesis 0xa, as in the data directory and the running node",
  );
  assert.match(judgeGenesis(own, "0xb", own).message, /the data directory is of genesis 0xb/);
  assert.match(judgeGenesis(own, "0xa", { chainId: 2, hash: "0xc" }).message, /running node is on chain 2/);
  assert.deepEqual(
    [judgeGenesis(own, "0xb", own), judgeGenesis(own, "0xa", { chainId: 2, hash: "0xc" })].map(verdictOf),
    ["wrong", "wrong"],
  );
});

test("a node that does not answer is no fault, one that is not ready or of another version is told", () => {
  const node = { url: "u", version: "1", ownVersion: "1", uptimeMs: 5_000, crypto: "native", notReady: undefined };
  assert.equal(verdictOf(judgeRunning("u", undefined, "nothing answers")), "unknown");
  assert.equal(verdictOf(judgeRunning("u", node, undefined)), "ok");
  assert.equal(verdictOf(judgeRunning("u", { ...node, version: "2" }, undefined)), "warning");
  assert.equal(verdictOf(judgeRunning("u", { ...node, notReady: "NOT_READY" }, undefined)), "warning");
  assert.equal(verdictOf(judgeRunning("u", { ...node, notReady: "DIVERGED" }, undefined)), "wrong");
});

test("clocks are compared with every peer, and peers that are gone are named", () => {
  const peer = { address: "a:1", state: "synced", differenceMs: 20, lastError: undefined };
  const of = (...peers: Parameters<typeof judgePeers>[0][number][]): string[] => judgePeers(peers).map(verdictOf);
  assert.deepEqual(of(), ["unknown"]);
  assert.deepEqual(of(peer), ["ok"]);
  assert.deepEqual(of(peer, { ...peer, differenceMs: -9_000 }), ["warning"]);
  assert.deepEqual(of({ ...peer, differenceMs: 61_000 }), ["wrong"]);
  const gone = { ...peer, state: "disconnected", differenceMs: undefined };
  assert.deepEqual(of({ ...gone, lastError: "CLOCK_SKEW" }), ["wrong", "warning"]);
  assert.deepEqual(of(peer, { ...gone, lastError: "CONNECTION_REFUSED" }), ["ok", "warning"]);
});

test("findings are lines, each with what to do below it", () => {
  const text = renderFindings(
    [
      { check: "a", verdict: "ok", message: "fine" },
      { check: "b", verdict: "wrong", message: "x\x1b", advice: "mend it" },
    ],
    PLAIN,
  );
  assert.equal(text, "ok     fine\nWRONG  x\\u{1b}\n       mend it\n");
});
