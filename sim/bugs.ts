/** Bugs to plant: a simulation is worth trusting as long as it catches them. */

import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";

export interface Bug {
  readonly name: string;
  /** A run that catches it. */
  readonly seed: number;
  /** What would go wrong. */
  readonly about: string;
  /** Relative to the repository's root. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
}

export const BUGS: readonly Bug[] = [
  {
    name: "first-seen-tie",
    seed: 8,
    about: "of two heads of equal height, the one that came first stays",
    file: "packages/core/src/consensus/poa.ts",
    find: "return a.hash < b.hash ? 1 : -1;",
    replace: "return -1;",
  },
  {
    name: "reinjection-dropped",
    seed: 1,
    about: "transactions of a losing branch are forgotten",
    file: "packages/node/src/engine/settle.ts",
    find: "if (!included.has(transaction.hash) && consider(transaction)) returning.push(transaction);",
    replace: "if (!included.has(transaction.hash)) consider(transaction);",
  },
  {
    name: "reinjection-not-durable",
    seed: 34,
    about: "transactions of a losing branch come back in memory alone",
    file: "packages/node/src/engine/settle.ts",
    find: "...returningRows(returning, nowMs),",
    replace: "",
  },
  {
    name: "conflict-not-kept",
    seed: 1,
    about: "nothing remembers what a transaction lost its nonce to",
    file: "packages/node/src/engine/pool-rows.ts",
    find: "return isKept ? [removedRow(hash), conflict] : [removedRow(hash)];",
    replace: "return isKept && conflict === undefined ? [] : [removedRow(hash)];",
  },
  {
    name: "commit-in-two-writes",
    seed: 3,
    about: "a change of head is two writes, with room for a crash between them",
    file: "packages/node/src/engine/head-mover.ts",
    find: "store.write(rowsOf(move, settlement, count));",
    replace:
      "const rows = [...rowsOf(move, settlement, count)];\n  store.write(rows.slice(0, rows.length >> 1));\n  store.write(rows.slice(rows.length >> 1));",
  },
  {
    name: "acknowledged-early",
    seed: 2,
    about: "a transaction is acknowledged before it is durable",
    file: "packages/node/src/engine/journal.ts",
    find: "return outcome;",
    replace: "outcome.catch(() => {});\n      return Promise.resolve();",
  },
  {
    name: "journal-not-read",
    seed: 2,
    about: "pending transactions are not read back after a restart",
    file: "packages/node/src/engine/core.ts",
    find: "loadPool(store, pool, chainId);",
    replace: "",
  },
  {
    name: "contracts-not-unwound",
    seed: 2,
    about: "taking a block back leaves the index of contracts as it is",
    file: "packages/node/src/engine/state.ts",
    find: "for (const { table, key, value } of previous) overlay.put(table, key, value);",
    replace: 'for (const { table, key, value } of previous) if (table !== "contracts") overlay.put(table, key, value);',
  },
  {
    name: "storage-trie-not-unwound",
    seed: 2,
    about: "taking a block back leaves the tries of storage as they are",
    file: "packages/node/src/engine/state.ts",
    find: 'restoreStorage(overlay, of("storage"));',
    replace: "",
  },
  {
    name: "locations-not-unwound",
    seed: 1,
    about: "transactions of a block that was taken back are still found in it",
    file: "packages/node/src/engine/block-processor.ts",
    find: 'for (const { hash } of block.transactions) overlay.put("transactions", hexToBytes(hash), null);',
    replace: "",
  },
  {
    name: "receipts-not-unwound",
    seed: 1,
    about: "receipts of a block that was taken back stay",
    file: "packages/node/src/engine/block-processor.ts",
    find: 'overlay.put("receipts", hexToBytes(head.hash), null);',
    replace: "",
  },
  {
    name: "contract-count-wrong",
    seed: 1,
    about: "contracts that a reorganisation removes are still counted",
    file: "packages/node/src/engine/head-mover.ts",
    find: "difference.contractsCreated.length - difference.contractsRemoved.length",
    replace: "difference.contractsCreated.length",
  },
  {
    name: "future-block-condemned",
    seed: 23,
    about: "a block from a fast clock counts as invalid for ever",
    file: "packages/node/src/engine/admission.ts",
    find: "if (isFromFuture(block.header, nowMs)) {",
    replace: "if (isFromFuture(block.header, nowMs)) {\n      condemnOne(block.header.hash);",
  },
  {
    name: "artifact-last-arrival-wins",
    seed: 3,
    about: "the artifact that came last stays, not the newest",
    file: "packages/node/src/contracts/artifact-store.ts",
    find: 'if (held !== undefined && compareArtifacts(record, held.record) < 0) return { outcome: "older" };',
    replace: "",
  },
  {
    name: "artifacts-not-followed",
    seed: 17,
    about: "artifacts are not shown and hidden as their contracts come and go",
    file: "packages/node/src/contracts/head-follower.ts",
    find: "store.review(addresses);",
    replace: "",
  },
  {
    name: "repeated-request-acts-twice",
    seed: 3,
    about: "an idempotency key is not written with its transaction",
    file: "packages/node/src/contracts/transacting.ts",
    find: "before: ({ hash }) => rowsFor(hash, output),",
    replace: "before: () => [],",
  },
  {
    name: "status-not-repeated",
    seed: 72,
    about: "Status is said once after a change and not again",
    file: "packages/node/src/driver/reconciler.ts",
    find: "check(session);\n      sendStatus(session);",
    replace: "check(session);",
  },
  {
    name: "redial-gives-up",
    seed: 46,
    about: "a node stops redialling after three failures",
    file: "packages/node/src/driver/dialer.ts",
    find: "schedule(target);\n    } finally {",
    replace: "if (target.failures < 3) schedule(target);\n    } finally {",
  },
  {
    name: "no-retry-after-failure",
    seed: 25,
    about: "a peer that failed to deliver once is never asked again",
    file: "packages/node/src/driver/timing.ts",
    find: "return notBefore - clock.now() > RETRY_MAX_MS ? 0 : notBefore;",
    replace: "return failures > 0 ? Number.MAX_SAFE_INTEGER : notBefore;",
  },
  {
    name: "request-slot-leaked",
    seed: 5,
    about: "a served request keeps its slot",
    file: "packages/node/src/driver/request-handler.ts",
    find: "session.serving--;",
    replace: "",
  },
  {
    name: "full-disk-blames-peer",
    seed: 6,
    about: "a peer is blamed for what this node's disk had no room for",
    file: "packages/node/src/driver/contract-pull.ts",
    find: 'if (isUnwritten(error)) return "unwritten";',
    replace: "",
  },
  {
    name: "full-disk-stops-heartbeat",
    seed: 6,
    about: "a checkpoint that a full disk refuses ends the node",
    file: "packages/node/src/driver/checkpoint-cache.ts",
    find: "if (!isUnwritten(error)) throw error;",
    replace: "if (isUnwritten(error)) throw error;",
  },
  {
    name: "artifact-owner-not-checked",
    seed: 1,
    about: "anybody may sign a contract's artifact",
    file: "packages/core/src/sync/artifact.ts",
    find: "    checkOwner(record, owner, expectedOwner);\n",
    replace: "",
  },
  {
    name: "wrong-state-root-accepted",
    seed: 1,
    about: "a block's state root is not compared with what executing it gives",
    file: "packages/node/src/engine/block-processor.ts",
    find: 'const fields = ["stateRoot", "transactionsRoot"',
    replace: 'const fields = ["transactionsRoot"',
  },
  {
    name: "seal-not-checked",
    seed: 1,
    about: "a block may bear the name of one and the seal of another",
    file: "packages/core/src/consensus/poa.ts",
    find: "if (sealer === header.coinbase) return sealer;",
    replace: "if (sealer !== undefined) return sealer;",
  },
  {
    name: "content-hash-not-checked",
    seed: 1,
    about: "content that does not have the hash asked for is passed over",
    file: "packages/node/src/driver/contract-pull.ts",
    find: "if (hash !== wanted[index]?.hash) throw",
    replace: "if (hash === undefined) throw",
  },
  {
    name: "forged-content-forgiven",
    seed: 1,
    about: "forged content counts as any wrong reply",
    file: "packages/node/src/driver/block-fetch.ts",
    find: 'error.details.fault === "FORGED_CONTENT" ? "FORGED_CONTENT" : "WRONG_REPLY"',
    replace: '"WRONG_REPLY"',
  },
  {
    name: "unsolicited-response-applied",
    seed: 1,
    about: "artifacts of a response that nobody asked for are taken in",
    file: "packages/node/src/driver/session.ts",
    find: "} else if (ANNOUNCEMENTS.has(message.type) && inner.admitted) onAnnouncement(message, sizeBytes);",
    replace: `} else if (ANNOUNCEMENTS.has(message.type) && inner.admitted) onAnnouncement(message, sizeBytes);
    else if (message.type === "Contracts" && message.kind === "since" && inner.admitted) {
      for (const { content, ...envelope } of message.entries)
        if (content) onAnnouncement({ type: "UpdateContract", kind: "artifact", artifact: { ...envelope, content } }, sizeBytes);
    }`,
  },
  {
    name: "crossed-response-taken",
    seed: 6,
    about: "an answer of another type than asked for is not held against the peer",
    file: "packages/node/src/driver/requests.ts",
    find: 'if (reply.type !== "Error") {',
    replace:
      'if (reply.type !== "Error") throw new CodedError("PEER_ERROR", "another type");\n    if (reply.type === undefined) {',
  },
  {
    name: "page-without-progress-taken",
    seed: 6,
    about: "a page of artifacts may say that there is more and bring nothing",
    file: "packages/node/src/driver/contract-pull.ts",
    find: "if (upTo < last && (upTo <= after || entries.length === 0)) {",
    replace: "if (upTo > last) {",
  },
  {
    name: "headers-not-linked",
    seed: 15,
    about: "headers that form no chain are fetched all the same",
    file: "packages/core/src/sync/locator.ts",
    find: "if (header.parentHash !== parent.hash || header.number !== parent.number + 1) throw",
    replace: "if (header.number < 0) throw",
  },
  {
    name: "ban-forgotten-on-reconnect",
    seed: 1,
    about: "a banned peer that comes back is a peer like any other",
    file: "packages/node/src/driver/network-service.ts",
    find: "if (ban !== undefined) {",
    replace: "if (ban !== undefined && previous !== undefined) {",
  },
  {
    name: "ban-forgotten-on-restart",
    seed: 6,
    about: "bans are not read back after a restart",
    file: "packages/node/src/driver/standings.ts",
    find: "new Map<string, Ban>(book?.load() ?? [])",
    replace: "new Map<string, Ban>()",
  },
  {
    name: "ban-not-written",
    seed: 1,
    about: "a ban ends with the program",
    file: "packages/node/src/driver/standings.ts",
    find: "book?.save(bans);",
    replace: "",
  },
  {
    name: "one-voice-believed",
    seed: 1,
    about: "one peer alone makes a node believe that its execution is wrong",
    file: "packages/core/src/sync/divergence.ts",
    find: "return areMost(against(opinions), opinions.length) && 2 * against(own) >= own.length;",
    replace: "return against(own) >= 0 && against(opinions) > 0;",
  },
  {
    name: "lie-passed-on",
    seed: 1,
    about: "an artifact that was refused is passed on, and honest peers are blamed for it",
    file: "packages/node/src/driver/intake.ts",
    find: 'if (outcome === "refused" || outcome === "older"',
    replace: 'if (outcome === "older"',
  },
  {
    name: "announcement-not-confirmed",
    seed: 1,
    about: "a contract is announced further without having been made",
    file: "packages/node/src/driver/intake.ts",
    find: "if (confirmed) announcer",
    replace: 'if (confirmed || message.type === "NewContract") announcer',
  },
];

const ROOT = new URL("../", import.meta.url);

/** The file's text with the bug in it. @throws when the place is not there exactly once */
export function sourceWith({ name, file, find, replace }: Bug): string {
  const source = readFileSync(new URL(file, ROOT), "utf8");
  const places = source.split(find).length - 1;
  if (places !== 1) throw new Error(`bug ${name}: its place is ${places} times in ${file}`);
  return source.replace(find, () => replace);
}

/** Loads the bug's file with the bug in it, from now on in this process. */
export function plant(bug: Bug): void {
  const target = pathToFileURL(fileURLToPath(new URL(bug.file, ROOT))).href;
  const source = sourceWith(bug);
  registerHooks({
    load: (url, context, next) =>
      url === target ? { format: "module-typescript", source, shortCircuit: true } : next(url, context),
  });
}
