/** The driver's composition: one node's dealings with its peers. */

import { CodedError } from "@counterpart/core/base/errors";
import { NO_METRICS } from "@counterpart/core/base/no-metrics";
import type { Link, LinkHandlers } from "@counterpart/core/ports/network";
import type { Logger } from "@counterpart/core/ports/runtime";
import { createAgreements } from "./agreement.ts";
import { createAllowances } from "./allowances.ts";
import { type Announcer, createAnnouncer } from "./announcer.ts";
import { createAnswerShares } from "./answer-shares.ts";
import { type BlockPull, createBlockPull } from "./block-pull.ts";
import { createCatchUp } from "./catch-up.ts";
import { createCheckpointCache } from "./checkpoint-cache.ts";
import { type ContractNaming, createContractNaming } from "./contract-naming.ts";
import { type ContractPull, createContractPull } from "./contract-pull.ts";
import { createDialer } from "./dialer.ts";
import { createDisputes, type Disputes } from "./disputes.ts";
import { createDivergenceAlarm, type DivergenceAlarm } from "./divergence-alarm.ts";
import { createDriverMetrics, type DriverMetrics, declareDriverGauges } from "./driver-metrics.ts";
import { withheldS } from "./future-head.ts";
import { closingError } from "./goodbyes.ts";
import { createImporter, type Importer } from "./importer.ts";
import { createIntake, type Intake } from "./intake.ts";
import { findLeader } from "./leader.ts";
import { STRANGERS_MAX } from "./limits.ts";
import { connect, disconnect, type OperatorDeps } from "./operator.ts";
import { createOutcastWatch } from "./outcast.ts";
import { createPacking, type Packing } from "./packing.ts";
import { createPeerAdmission, type PeerAdmission } from "./peer-admission.ts";
import { createPeerNews } from "./peer-news.ts";
import { peerViews } from "./peer-view.ts";
import { createPeers, type Peers } from "./peers.ts";
import type { Driver, DriverDeps } from "./ports.ts";
import { createReconciler, type Reconciler } from "./reconciler.ts";
import { createRequestHandler } from "./request-handler.ts";
import { createSession, type Session, type SessionHooks } from "./session.ts";
import { bannedError, createStandings } from "./standings.ts";
import { createStateJoin, type StateJoin } from "./state-join.ts";
import { createStateSource, type StateService } from "./state-source.ts";
import { createStatusBoard } from "./status-board.ts";
import { isUnwritten } from "./stored.ts";
import { createSyncMonitor } from "./sync-monitor.ts";

/** What keeps this node and its peers in step, wired together. */
interface Syncing {
  readonly admission: PeerAdmission;
  readonly announcer: Announcer;
  readonly importer: Importer;
  readonly intake: Intake;
  readonly reconciler: Reconciler;
  readonly blockPull: BlockPull;
  readonly stateSource: StateService;
  readonly stateJoin: StateJoin;
  readonly contractPull: ContractPull;
  readonly naming: ContractNaming;
}

interface SyncingDeps extends DriverDeps {
  readonly peers: Peers;
  readonly driverMetrics: DriverMetrics;
  readonly packing: Packing;
  readonly disputes: Disputes;
  readonly onStep: (session: Session, inStep: boolean) => void;
}

function createSyncing(deps: SyncingDeps): Syncing {
  const { peers, driverMetrics: metrics } = deps;
  const board = createStatusBoard(deps);
  const checkpoints = createCheckpointCache(deps.checkpoints);
  const importer = createImporter(deps);
  const announcer = createAnnouncer({ ...deps, metrics });
  const onDone = (session: Session): void => {
    reconciler.changed();
    reconciler.check(session);
  };
  const blockPull = createBlockPull({ ...deps, importer, onDone });
  const shares = createAnswerShares();
  const contractPull = createContractPull({ ...deps, checkpoints, shares, onDone });
  const stateSource = createStateSource({ ...deps, metrics, shares, chainId: deps.engine.chainId });
  const naming = createContractNaming({ ...deps, source: stateSource });
  const stateJoin = createStateJoin({
    ...deps,
    source: stateSource,
    joins: deps.joins ?? false,
    onDone() {
      naming.kick();
      contractPull.kick();
      reconciler.changed();
      for (const session of peers.ready()) reconciler.check(session);
    },
  });
  const headPull = { kick: () => (stateJoin.isWanted() ? stateJoin : blockPull).kick() };
  const reconciler = createReconciler({ ...deps, board, checkpoints, headPull, contractPull });
  const intake = createIntake({ ...deps, metrics, importer, announcer, onNews: reconciler.check });
  const admission = createPeerAdmission({ ...deps, board, metrics });
  const fetching = { blockPull, stateSource, stateJoin, contractPull, naming };
  return { admission, announcer, importer, intake, reconciler, ...fetching };
}

/** A damaged database was told of where it was read. */
const createTroubleLog =
  (logger: Logger): SessionHooks["onTrouble"] =>
  ({ peerId }, error) =>
    logger[isUnwritten(error) ? "debug" : "error"]("a peer's message could not be handled", {
      peer: peerId,
      error: String(error),
    });

/** Tells the parts about what happens in engine and contracts. Returns what unsubscribes. */
function subscribe(
  { engine, contracts }: DriverDeps,
  peers: Peers,
  syncing: Syncing,
  alarm: DivergenceAlarm,
): readonly (() => void)[] {
  const { announcer, importer, intake, reconciler, contractPull } = syncing;
  return [
    engine.on("head", (change) => {
      alarm.review();
      importer.creditHead(change);
      // What came before they were chosen is no news to their peers.
      const fetched = change.rebuilt === true ? engine.holding.chosen() : change.contractsCreated;
      contractPull.fetch(fetched);
      announcer.headChanged(change);
      reconciler.changed();
      for (const session of peers.ready()) intake.retryEarly(session);
    }),
    engine.on("named", ({ contractsCreated, contractsUpdated }) => {
      contractPull.fetch([...contractsCreated, ...contractsUpdated]);
      reconciler.changed();
      // Their artifacts can be taken now.
      for (const session of peers.ready()) reconciler.check(session);
    }),
    engine.on("transaction", (transaction) => announcer.transaction(transaction)),
    contracts.onArtifact((record, origin) => {
      if (origin === "local") announcer.artifactMade(record);
      reconciler.changed();
    }),
  ];
}

const tooManyStrangers = (): CodedError =>
  new CodedError("TOO_MANY_PEERS", "this node has as many links as it may whose handshake is not over");

/**
 * The network side of a node.
 *
 * `disconnect` says `Goodbye` with `DISCONNECTED`, on which the other side forgets the address as well; a redial of a peer
 * that missed it is refused in the same way. An explicit `connect` by either side lifts that.
 */
export function createNetworkService(deps: DriverDeps): Driver {
  const { network, clock, logger, self } = deps;
  const metrics = createDriverMetrics(deps.metrics ?? NO_METRICS);
  const standings = createStandings({ book: deps.banBook, clock, logger, metrics });
  const peers = createPeers({ standings, clock, logger, metrics });
  const packing = createPacking(deps.compressor, metrics);
  const allowances = createAllowances(clock, () => metrics.forgotten.add({ record: "allowance" }));
  const news = createPeerNews(logger);
  const agreements = createAgreements(peers, clock);
  const dialer = createDialer({ ...deps, peers, bootstrap: deps.bootstrap ?? [] });
  const alarm = createDivergenceAlarm({ ...deps, peers });
  const isDiverged = (): boolean => alarm.divergence !== undefined;
  const isChosen = (peerId: string): boolean => dialer.targets().some((target) => target.peerId === peerId);
  const disputes = createDisputes({ ...deps, peers, standings, metrics, alarm, isChosen });
  const noteOutcast = createOutcastWatch({ ...deps, peers, alarm, isChosen });
  const onStep = (session: Session, inStep: boolean): void => {
    monitor.note(session, inStep);
    if (session.offered) syncing.announcer.offerAgain(session);
    if (!inStep) return;
    alarm.review();
    syncing.announcer.offerPool(session);
    if (!session.wasInStep) news.synced(session);
    session.wasInStep = true;
    agreements.inStep(session);
  };
  const syncing = createSyncing({ ...deps, peers, driverMetrics: metrics, packing, disputes, onStep });
  const { admission, announcer, intake, reconciler, blockPull, stateSource, stateJoin, contractPull, naming } = syncing;
  const monitor = createSyncMonitor({ ...deps, peers, metrics, blockPull, stateJoin, onComplete: news.complete });
  declareDriverGauges(deps.metrics ?? NO_METRICS, {
    peers: () => peers.ready().length,
    bans: () => standings.bans().length,
    lag: monitor.lag,
    isDiverged,
  });
  let unsubscribe: readonly (() => void)[] = [];
  let running = false;

  const hooks: SessionHooks = {
    ownVersion: admission.ownVersion,
    admit(session, theirs) {
      const refusal = admission.admit(session, theirs);
      if (refusal !== undefined) metrics.refused.add({ reason: refusal.code });
      return refusal;
    },
    onAdmitted: reconciler.sendStatus,
    onReady(session) {
      news.connected(session);
      for (const asking of [stateSource, naming, contractPull]) asking.kick();
      reconciler.changed();
      reconciler.check(session);
    },
    onNews(session) {
      stateSource.kick();
      reconciler.check(session);
    },
    mayAnnounce: ({ peerId }, bytes) => allowances(peerId).takeAnnouncement(bytes),
    maySendStatus: ({ peerId }) => allowances(peerId).takeStatus(),
    onDropped: (reason) => metrics.dropped.add({ reason }),
    onAnnouncement: (session, message) => intake.handle(session, message),
    onRequest: createRequestHandler({ ...deps, peers, metrics, allowances, isDiverged, instanceId: self.instanceId }),
    onFault: (session, error) => peers.penalise(session, "BAD_MESSAGE", { reason: String(error) }),
    onTrouble: createTroubleLog(deps.logger),
    onClosed(session) {
      peers.remove(session);
      noteOutcast(session);
      monitor.closed();
      news.closed(session);
      stateSource.kick();
      agreements.closed(session);
      dialer.sessionClosed(session);
    },
  };
  const accept = (link: Link): LinkHandlers => {
    const previous = peers.get(link.peerId);
    const session = createSession(link, { ...deps, hooks, packing });
    const strangers = peers.all().length - peers.ready().length;
    if (!running || strangers >= STRANGERS_MAX) {
      const reason = running ? "TOO_MANY_PEERS" : "STOPPING";
      peers.addRefused(session);
      metrics.refused.add({ reason });
      void session.close(reason, running ? tooManyStrangers() : closingError(reason));
      return session.handlers;
    }
    const ban = standings.banOf(link.peerId);
    peers.add(session);
    if (ban !== undefined) {
      metrics.refused.add({ reason: "PEER_BANNED" });
      void session.close("PEER_BANNED", bannedError(ban), ban.untilMs - clock.now());
      return session.handlers;
    }
    // The network keeps one link for each peer, so a second one means that the first is dead.
    void previous?.close("REPLACED");
    if (link.direction === "inbound") session.open(false);
    return session.handlers;
  };

  const operator: OperatorDeps = { clock, peers, dialer, admission, agreements };

  return {
    get peerId() {
      return network.peerId;
    },
    addresses: () => network.addresses(),
    peers: () => peerViews(peers, dialer),
    sync: monitor.view,
    divergence: () => alarm.divergence,
    progress: () => blockPull.progress(),
    async connect(address, waitMs) {
      if (!running) throw new CodedError("NOT_READY", "the node is starting or stopping");
      return connect(operator, address, waitMs);
    },
    bans: standings.bans,
    liftBan: standings.lift,
    disconnect: (target) => disconnect(operator, target),
    onPeer: news.on,
    onSyncComplete: news.onComplete,
    state: stateSource,
    takeOver: stateJoin.kick,
    needsFullNode: stateJoin.needsFullNode,
    withheldS: () => withheldS(deps.engine, clock.now(), peers.ready().length > 0),
    leader: (signer) => findLeader(peers, signer),
    catchingUpMs: createCatchUp({ ...deps, peers, importer: syncing.importer }),
    async start() {
      running = true;
      unsubscribe = subscribe(deps, peers, syncing, alarm);
      try {
        await network.start(accept);
      } catch (error) {
        running = false;
        for (const off of unsubscribe) off();
        throw error;
      }
      reconciler.start();
      dialer.start();
    },
    async stop() {
      running = false;
      for (const off of unsubscribe) off();
      reconciler.stop();
      announcer.stop();
      dialer.stop();
      agreements.stop();
      disputes.stop();
      await Promise.all(peers.all().map((session) => session.close("STOPPING")));
      stateSource.stop();
      await Promise.all([blockPull.stop(), stateJoin.stop(), contractPull.stop(), naming.stop()]);
      await network.stop();
    },
  };
}
