/**
 * Fetches the artifacts that a peer has and this node lacks: what changed there since the checkpoint kept for its
 * database, or, when both sides have applied everything and still differ, all of it once.
 */

import { EMPTY_BYTES, type Hex } from "@counterpart/core/base/bytes";
import { CodedError, isCodedError } from "@counterpart/core/base/errors";
import { keccak256Hex } from "@counterpart/core/crypto/crypto";
import { compareArtifacts } from "@counterpart/core/sync/artifact";
import type { ArtifactRecord } from "@counterpart/core/sync/artifact-types";
import { BLOBS_MAX, CONTRACTS_MAX } from "@counterpart/core/sync/limits";
import type {
  ArtifactEnvelope,
  ContractsMessage,
  MessageOf,
  RequestType,
  ResponseTo,
} from "@counterpart/core/sync/message-types";
import type { ContractService, MergeOutcome } from "../contracts/types.ts";
import { createPacer } from "../engine/pacer.ts";
import { withSnapshot } from "../engine/with-snapshot.ts";
import { type AnswerShares, isLoss } from "./answer-shares.ts";
import { noteFailure, stallLevel } from "./block-fetch.ts";
import { type CheckpointCache, checkpointName } from "./checkpoint-cache.ts";
import { createChosenArtifacts } from "./chosen-artifacts.ts";
import { creditContract } from "./importer.ts";
import { INLINE_BYTES_MAX, PULL_SURPLUS_MAX } from "./limits.ts";
import type { Peers } from "./peers.ts";
import type { DriverDeps } from "./ports.ts";
import type { Session } from "./session.ts";
import { isUnwritten } from "./stored.ts";

export interface ContractPullDeps extends Pick<DriverDeps, "engine" | "contracts" | "clock" | "logger"> {
  readonly checkpoints: CheckpointCache;
  readonly peers: Peers;
  readonly shares: AnswerShares;
  readonly onDone: (session: Session) => void;
}

export interface ContractPull {
  /** Fetches from one peer, unless that is under way. */
  start(session: Session, mode: "since" | "all"): void;
  /** Fetches the artifacts of contracts that a replica has begun to hold, from any peer. */
  fetch(addresses: readonly Hex[]): void;
  /** There may be somebody to fetch them from. */
  kick(): void;
  stop(): Promise<void>;
}

type SincePage = Extract<ContractsMessage, { kind: "since" }>;

const EMPTY_HASH = keccak256Hex(EMPTY_BYTES);

/**
 * Keeps a record that a peer sent, and credits or blames the peer. A record that cannot be merged is `refused`, one that
 * this node cannot write is `unwritten`, which is not the peer's fault.
 */
export async function mergeRecord(
  session: Session,
  record: ArtifactRecord,
  { contracts, peers }: { readonly contracts: ContractService; readonly peers: Peers },
): Promise<MergeOutcome | "unwritten"> {
  let outcome: MergeOutcome = "refused";
  let reason: string | undefined;
  try {
    outcome = await contracts.putRecord(record);
  } catch (error) {
    // A node may have begun to take a state over since it asked.
    if (isUnwritten(error) || isCodedError(error, "NOT_READY")) return "unwritten";
    if (!isCodedError(error)) throw error;
    reason = error.message;
  }
  if (outcome === "refused") peers.penalise(session, "REFUSED_RECORD", { address: record.address, reason });
  if (outcome === "added" || outcome === "replaced") creditContract(session, record.address);
  return outcome;
}

const forged = (message: string): CodedError => new CodedError("BAD_MESSAGE", message, { fault: "FORGED_CONTENT" });

const instanceOf = ({ version }: Session): string => version?.instanceId ?? "";

function isNews(contracts: ContractService, envelope: ArtifactEnvelope): boolean {
  const held = contracts.artifact(envelope.address);
  // What is held may be of an owner who was told, and this one of whom the address proves.
  if (held?.creationNonce === undefined && envelope.creationNonce !== undefined) return true;
  return held === undefined || compareArtifacts({ ...envelope, content: EMPTY_BYTES }, held) > 0;
}

/** How many of `most` items make such a share. */
const countOf = (most: number, share: number): number => Math.max(1, Math.floor(most * share));

/** @throws CodedError `BAD_MESSAGE` */
function checkBlobs({ wanted }: MessageOf<"GetBlobs">, { blobs }: ResponseTo<"GetBlobs">): Map<Hex, Uint8Array> {
  if (blobs.length === 0 || blobs.length > wanted.length) {
    throw new CodedError("BAD_MESSAGE", `${blobs.length} blobs for ${wanted.length} hashes`);
  }
  const contents = new Map<Hex, Uint8Array>();
  for (const [index, blob] of blobs.entries()) {
    if (blob === undefined) continue;
    const hash = keccak256Hex(blob);
    if (hash !== wanted[index]?.hash) throw forged("a blob does not have the hash asked for");
    contents.set(hash, blob);
  }
  return contents;
}

/** What asks for as much as has a chance to come over the peer's link, and notes what becomes of it. */
function createPartAsker({ clock, shares }: Pick<ContractPullDeps, "clock" | "shares">) {
  return async <T extends RequestType>(
    session: Session,
    part: (share: number) => MessageOf<T> & { readonly type: T },
  ): Promise<{ readonly asked: MessageOf<T>; readonly answer: ResponseTo<T> }> => {
    const sinceMs = clock.now();
    try {
      const asked = part(shares.of(session.peerId));
      const answer = await session.request<T>(asked);
      shares.noteAnswer(session.peerId, clock.now() - sinceMs);
      return { asked, answer };
    } catch (error) {
      if (isLoss(error)) shares.noteLoss(session.peerId);
      throw error;
    }
  };
}

type PartAsker = ReturnType<typeof createPartAsker>;

/** Content by hash for the envelopes that came without; what the peer does not hold any more is left out. */
async function fetchContents(
  askPart: PartAsker,
  session: Session,
  envelopes: readonly ArtifactEnvelope[],
): Promise<ReadonlyMap<Hex, Uint8Array>> {
  const contents = new Map<Hex, Uint8Array>([[EMPTY_HASH, EMPTY_BYTES]]);
  let missing = envelopes.filter(({ content, contentHash }) => content === undefined && contentHash !== EMPTY_HASH);
  const most = Math.min(BLOBS_MAX, session.version?.limits.blobs ?? BLOBS_MAX);
  while (missing.length > 0) {
    const { asked, answer } = await askPart<"GetBlobs">(session, (share) => {
      const some = missing.slice(0, countOf(most, share));
      return { type: "GetBlobs", wanted: some.map(({ contentHash: hash, address }) => ({ hash, address })) };
    });
    for (const [hash, blob] of checkBlobs(asked, answer)) contents.set(hash, blob);
    missing = missing.slice(answer.blobs.length);
  }
  return contents;
}

/** @param taken artifacts that the pages before brought */
function checkPage(session: Session, page: SincePage, after: number, taken: number): void {
  const { instanceId, upTo, last, entries } = page;
  if (instanceId !== instanceOf(session)) {
    throw new CodedError("BAD_MESSAGE", "the change sequence is of another database");
  }
  if (upTo < last && (upTo <= after || entries.length === 0)) {
    throw new CodedError("BAD_MESSAGE", "the answer makes no progress");
  }
  const most = (session.status?.artifacts.count ?? 0) + PULL_SURPLUS_MAX;
  if (taken + entries.length > most)
    throw new CodedError("BAD_MESSAGE", `more than the ${most} artifacts there can be`);
}

export function createContractPull(deps: ContractPullDeps): ContractPull {
  const { engine, contracts, checkpoints, clock, logger, peers, onDone } = deps;
  const underWay = new Set<Promise<void>>();
  let stopped = false;
  let cancelRetry = (): void => {};
  const askPart = createPartAsker(deps);

  /** Merges one page; false when something of it could not be had now and must be asked for again. */
  const takePage = async (session: Session, entries: readonly ArtifactEnvelope[]): Promise<boolean> => {
    // What belongs to contracts that a replica was not told to hold is not missing.
    const wanted = entries.filter((entry) => engine.holding.has(entry.address) && isNews(contracts, entry));
    // Content of a contract whose creation is still to come would be fetched in vain.
    const news = withSnapshot(engine, ({ contract }) =>
      wanted.filter(({ address, codeHash }) => contract(address)?.codeHash === codeHash),
    );
    const contents = await fetchContents(askPart, session, news);
    const pause = createPacer(clock);
    let complete = news.length === wanted.length;
    for (const entry of news) {
      const content = entry.content ?? contents.get(entry.contentHash);
      if (content === undefined) complete = false;
      else if (keccak256Hex(content) !== entry.contentHash) {
        throw forged("an artifact's content does not have its hash");
      } else {
        const record = { ...entry, signature: entry.signature.slice(), content: content.slice() };
        const outcome = await mergeRecord(session, record, deps);
        if (outcome === "unknown-contract" || outcome === "unwritten") complete = false;
      }
      await pause();
    }
    return complete;
  };

  const pull = async (session: Session, mode: "since" | "all"): Promise<void> => {
    const instanceId = instanceOf(session);
    const head = engine.head().hash;
    const start = mode === "all" ? 0 : checkpoints.get(checkpointName(session));
    // Who lacks what comes takes content as it comes; who has most of it, or wants little, asks for what is new to him.
    const hasMost = start === 0 && contracts.artifacts().count > 0;
    const inlineMost = hasMost || engine.holding.role === "chosen" ? 0 : INLINE_BYTES_MAX;
    let complete = true;
    let taken = 0;
    for (let after = start, more = true; more && !stopped; ) {
      const { answer: page } = await askPart<"GetContracts">(session, (share) => {
        const inlineBytesMax = Math.floor(inlineMost * share);
        return { type: "GetContracts", kind: "since", instanceId, sequence: after, inlineBytesMax };
      });
      if (page.kind !== "since") throw new CodedError("BAD_MESSAGE", "contracts of another kind than asked for");
      checkPage(session, page, after, taken);
      taken += page.entries.length;
      complete = (await takePage(session, page.entries)) && complete;
      after = Math.max(after, page.upTo);
      more = page.upTo < page.last;
      if (complete) checkpoints.raise(checkpointName(session), after);
    }
    if (complete) return;
    session.unfinishedAt = head;
    throw new CodedError("PEER_ERROR", "some artifacts could not be had yet");
  };

  const attempt = async (session: Session, mode: "since" | "all"): Promise<void> => {
    session.busy++;
    session.pulling = true;
    session.unfinishedAt = undefined;
    try {
      await pull(session, mode);
      session.artifactRetry.reset();
    } catch (error) {
      session.artifactRetry.fail();
      noteFailure(peers, session, error);
      const level = stallLevel(error, session.artifactRetry);
      if (!stopped) logger[level]("contract sync stalled", { peer: session.peerId, reason: String(error) });
    } finally {
      session.busy--;
      session.pulling = false;
    }
    retryLater();
    onDone(session);
  };

  /** Looks again at peers that did not deliver, each when it is due. */
  function retryLater(): void {
    cancelRetry();
    const waiting = peers.ready().filter(({ artifactRetry }) => artifactRetry.notBefore > clock.now());
    if (stopped || waiting.length === 0) return;
    const dueMs = Math.min(...waiting.map(({ artifactRetry }) => artifactRetry.notBefore)) - clock.now();
    cancelRetry = clock.setTimer(dueMs, () => {
      for (const session of waiting) onDone(session);
      retryLater();
    });
  }

  const ask = async (session: Session, addresses: readonly Hex[]): Promise<readonly Hex[]> => {
    try {
      const { answer } = await askPart<"GetContracts">(session, (share) => {
        return {
          type: "GetContracts",
          kind: "addresses",
          addresses: addresses.slice(0, countOf(CONTRACTS_MAX, share)),
        };
      });
      if (answer.kind !== "accounts" || answer.accounts.length === 0) {
        throw new CodedError("BAD_MESSAGE", "no accounts were answered");
      }
      const artifacts = answer.accounts.flatMap(({ artifact }) => artifact ?? []);
      return (await takePage(session, artifacts)) ? addresses.slice(0, answer.accounts.length) : [];
    } catch (error) {
      noteFailure(peers, session, error);
      return [];
    }
  };
  const chosen = createChosenArtifacts({ engine, peers, clock, ask });
  const track = (work: Promise<void>): void => {
    underWay.add(work);
    void work.finally(() => underWay.delete(work));
  };

  return {
    start(session, mode) {
      if (!stopped && !session.pulling) track(attempt(session, mode));
    },
    fetch: chosen.fetch,
    kick: chosen.kick,
    async stop() {
      stopped = true;
      cancelRetry();
      await Promise.all([...underWay, chosen.stop()]);
    },
  };
}
