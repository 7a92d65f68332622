/**
 * The links of this node: at most one for each peer. Connections become links here, by the handshake, and this is the
 * only place that knows which peers are linked.
 */

import { CodedError, isCodedError } from "@counterpart/core/base/errors";
import type { Link, LinkHandlers } from "@counterpart/core/ports/network";
import type { Clock, Logger } from "@counterpart/core/ports/runtime";
import type { Connection, Stream } from "@libp2p/interface";
import { createDeadline, untilAborted } from "./deadline.ts";
import { cut, disconnect } from "./disconnect.ts";
import { FrameReader } from "./frame-reader.ts";
import { encodeFrame } from "./frame-writer.ts";
import {
  type Answer,
  type ContestedLink,
  decideHello,
  decodeHello,
  decodeVerdict,
  encodeHello,
  encodeVerdict,
  type Verdict,
} from "./handshake.ts";
import type { NetLimits } from "./limits.ts";
import { OpenLink } from "./link.ts";
import type { NetMetrics } from "./net-metrics.ts";
import type { RefusalLog } from "./refusal-log.ts";

export const ANNOUNCE_PROTOCOL = "/counterpart/announce/1";

export interface LinkTableOptions {
  readonly peerId: string;
  /** When this node was started; see the handshake. */
  readonly instance: bigint;
  readonly peersMax: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: NetLimits;
  readonly metrics: NetMetrics;
  /** Whether there may be a link with a peer. */
  readonly isAllowed: (peerId: string) => boolean;
  readonly refusals: RefusalLog;
  readonly accept: (link: Link) => LinkHandlers;
}

/** Everything known about one peer; kept while there is anything to know. */
interface PeerRecord {
  readonly peerId: string;
  link: OpenLink | undefined;
  /** The one handshake that this node began with the peer. */
  handshake: { readonly connection: Connection; readonly link: Promise<OpenLink> } | undefined;
  /** The instance whose link another one took the place of while it looked alive. */
  displaced: bigint | undefined;
  /** Dials that lost to a crossing one wait here for its link. */
  readonly waiting: Set<(link: OpenLink) => void>;
}

/** A peer's hello that waits for its verdict. */
interface Hello {
  readonly connection: Connection;
  readonly stream: Stream;
  readonly reader: FrameReader;
  readonly instance: bigint;
}

/** What became of a hello: the link, or why there is none. */
type Offered = OpenLink | Exclude<Answer, "accept">;

export class LinkTable {
  readonly #options: LinkTableOptions;
  readonly #records = new Map<string, PeerRecord>();
  #stopped = false;

  constructor(options: LinkTableOptions) {
    this.#options = options;
  }

  /**
   * Makes a link of a connection that this node has dialled, or finds the one that the peer already has.
   * @throws CodedError `TOO_MANY_PEERS`, `PEER_NOT_ALLOWED`, `CONNECTION_FAILED`, `NOT_A_PEER`; what libp2p throws for
   * a stream that cannot be opened
   */
  async connect(connection: Connection, signal: AbortSignal): Promise<Link> {
    const peerId = connection.remotePeer.toString();
    if (!this.#options.isAllowed(peerId)) this.#discard(connection);
    this.checkAllowed(peerId);
    const existing = await this.liveLink(peerId);
    const record = this.#recordOf(peerId);
    const link = existing ?? record.link;
    if (link !== undefined || record.handshake !== undefined) {
      if (connection !== (link ?? record.handshake)?.connection) this.#discard(connection);
      return link ?? (record.handshake?.link as Promise<OpenLink>);
    }
    if (this.#stopped || !this.#hasRoom()) {
      this.#forgetIfEmpty(record);
      this.#discard(connection);
      throw this.#stopped ? notReady() : new CodedError("TOO_MANY_PEERS", "this node has as many peers as it may");
    }
    const handshake = { connection, link: this.#shakeHands(record, connection, signal) };
    record.handshake = handshake;
    try {
      return await handshake.link;
    } finally {
      record.handshake = undefined;
      this.#forgetIfEmpty(record);
    }
  }

  /** @throws CodedError `PEER_NOT_ALLOWED` */
  checkAllowed(peerId: string): void {
    if (this.#options.isAllowed(peerId)) return;
    throw new CodedError("PEER_NOT_ALLOWED", `the peer ${peerId} is not on this node's list of allowed peers`, {
      peerId,
    });
  }

  /** The link with a peer, if it is alive: a link that does not answer is ended, so that the peer can be dialled. */
  async liveLink(peerId: string): Promise<OpenLink | undefined> {
    const link = this.#records.get(peerId)?.link;
    if (link === undefined) return undefined;
    if (link.isClosing) await link.close();
    else if (!(await link.answers(this.#options.limits.probeMs))) link.end("CONNECTION_TIMEOUT");
    return link.isOpen ? link : undefined;
  }

  /** Takes the announcement stream that a peer has opened on its connection. */
  receive(stream: Stream, connection: Connection): void {
    if (this.#stopped || connection.direction !== "inbound") {
      stream.abort(new Error("no announcement stream is taken here"));
      return;
    }
    const refuse = () => {
      this.#options.metrics.refused.add({ reason: "hello" });
      cut(connection, "the handshake was not kept");
    };
    const reader: FrameReader = new FrameReader(stream, this.#options.limits.frameBytesMax, {
      onFrame: (frame) => {
        const instance = decodeHello(frame);
        // nothing may follow the hello before the verdict
        reader.setSink({ onFrame: refuse, onEnd: refuse });
        if (instance === undefined) refuse();
        else this.#judge({ connection, stream, reader, instance }, undefined);
      },
      onEnd: refuse,
    });
  }

  /** Takes the stream of a peer's request; only links have them. */
  serve(stream: Stream, connection: Connection): void {
    const link = this.#records.get(connection.remotePeer.toString())?.link;
    if (link?.connection === connection) link.serve(stream);
    else {
      this.#options.metrics.requests.add({ reason: "link" });
      stream.abort(new Error("there is no link on this connection"));
    }
  }

  /** Cuts an accepted connection that does not become a link in time. */
  watch(connection: Connection): void {
    const cancel = this.#options.clock.setTimer(this.#options.limits.unlinkedMs, () => {
      const link = this.#records.get(connection.remotePeer.toString())?.link;
      if (link?.connection === connection) return;
      this.#options.metrics.refused.add({ reason: "unlinked" });
      cut(connection, "it did not become a link in time");
    });
    connection.addEventListener("close", cancel);
  }

  /** Closes every link, with what is queued in them, and takes no more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const links = [...this.#records.values()].flatMap((record) => record.link ?? []);
    await Promise.all(links.map((link) => link.close()));
  }

  async #shakeHands(record: PeerRecord, connection: Connection, signal: AbortSignal): Promise<OpenLink> {
    const { clock, limits } = this.#options;
    const deadline = createDeadline(clock, limits.handshakeMs, signal);
    try {
      const stream = await connection.newStream(ANNOUNCE_PROTOCOL, { signal: deadline.signal });
      const offered = record.link ?? (await this.#offer(record, connection, stream, deadline.signal));
      if (offered === "full") throw new CodedError("TOO_MANY_PEERS", "the peer has as many peers as it may");
      if (offered === "stranger") {
        const message = "this node is not on the peer's list of allowed peers";
        throw new CodedError("PEER_NOT_ALLOWED", message, { peerId: this.#options.peerId });
      }
      const link = offered === "duplicate" ? record.link : offered;
      if (link?.connection !== connection) this.#discard(connection);
      return link ?? (await this.#survivor(record, signal));
    } catch (error) {
      if (record.link?.connection !== connection) this.#discard(connection);
      if (!deadline.signal.aborted || isCodedError(error)) throw error;
      throw new CodedError("CONNECTION_TIMEOUT", "the peer did not finish the handshake in time");
    } finally {
      deadline.cancel();
    }
  }

  /** Says hello. An accepted link is open before what follows the verdict is read. */
  #offer(record: PeerRecord, connection: Connection, stream: Stream, signal: AbortSignal): Promise<Offered> {
    const offered = new Promise<Offered>((resolve, reject) => {
      const reader: FrameReader = new FrameReader(stream, this.#options.limits.frameBytesMax, {
        onFrame: (frame) => {
          const verdict = decodeVerdict(frame);
          reader.setSink({ onFrame: () => {}, onEnd: () => {} });
          if (verdict === undefined) {
            reject(new CodedError("NOT_A_PEER", "the other side does not answer as this protocol says"));
          } else if (verdict.answer !== "accept") {
            resolve(verdict.answer);
          } else if (!signal.aborted) {
            resolve(this.#open(record, { connection, stream, reader, instance: verdict.instance }));
          }
        },
        onEnd: () => reject(new CodedError("CONNECTION_FAILED", "the peer ended the handshake")),
      });
      stream.send(encodeFrame(encodeHello(this.#options.instance)));
    });
    return untilAborted(offered, signal);
  }

  /** Answers a hello, after a probe of the link that it contests where that decides. */
  #judge(hello: Hello, verified: OpenLink | undefined): void {
    const peerId = hello.connection.remotePeer.toString();
    const record = this.#recordOf(peerId);
    const { link } = record;
    const isAllowed = this.#options.isAllowed(peerId);
    if (!isAllowed) this.#options.refusals.note("stranger", peerId);
    const decision = decideHello({
      isAllowed,
      instance: hello.instance,
      preferred: this.#options.peerId < peerId,
      dialling: record.handshake !== undefined,
      hasRoom: !this.#stopped && (record.handshake !== undefined || this.#hasRoom()),
      link: link === undefined ? undefined : contested(link, verified),
    });
    if (decision === "probe") {
      void this.liveLink(peerId).then((alive) => this.#judge(hello, alive));
      return;
    }
    if (hello.stream.status === "open") this.#answer(record, hello, decision);
    this.#forgetIfEmpty(record);
  }

  #answer(record: PeerRecord, hello: Hello, answer: Answer): void {
    const verdict: Verdict = { answer, instance: this.#options.instance };
    try {
      hello.stream.send(encodeFrame(encodeVerdict(verdict)));
    } catch {
      // the peer has gone meanwhile
      return;
    }
    if (answer === "accept") this.#open(record, hello);
    else if (answer !== "stranger") this.#options.metrics.refused.add({ reason: answer });
  }

  #open(record: PeerRecord, parts: Hello): OpenLink {
    this.#noteInstance(record, parts.instance);
    record.link?.end("PEER_DISCONNECTED");
    const { clock, logger, limits, metrics } = this.#options;
    const onEnd = () => {
      if (record.link === link) record.link = undefined;
      this.#forgetIfEmpty(record);
    };
    const link = new OpenLink(parts, parts.instance, { clock, logger, limits, metrics, onEnd });
    record.link = link;
    // the end of the replaced link may have left the record empty
    this.#records.set(record.peerId, record);
    try {
      link.open(this.#options.accept);
    } catch (error) {
      logger.error("a link could not be taken", { peer: record.peerId, reason: String(error) });
    }
    for (const proceed of record.waiting) proceed(link);
    record.waiting.clear();
    return link;
  }

  /** A node that was started once more does not come back as it was before: then both run. */
  #noteInstance(record: PeerRecord, instance: bigint): void {
    const before = record.link?.instance;
    if (before === undefined || before === instance) return;
    if (record.displaced === instance) this.#options.refusals.tell("twins", record.peerId);
    record.displaced = before;
  }

  /** The link that won against a dial of this node; it opens here at about the time that the verdict comes. */
  async #survivor(record: PeerRecord, signal: AbortSignal): Promise<OpenLink> {
    const deadline = createDeadline(this.#options.clock, this.#options.limits.survivorMs, signal);
    const opened = Promise.withResolvers<OpenLink>();
    record.waiting.add(opened.resolve);
    try {
      return await untilAborted(opened.promise, deadline.signal);
    } catch {
      throw new CodedError("CONNECTION_FAILED", "the peer refused the connection for another that did not come up");
    } finally {
      record.waiting.delete(opened.resolve);
      deadline.cancel();
    }
  }

  #recordOf(peerId: string): PeerRecord {
    let record = this.#records.get(peerId);
    if (record === undefined) {
      record = { peerId, link: undefined, handshake: undefined, displaced: undefined, waiting: new Set() };
      this.#records.set(peerId, record);
    }
    return record;
  }

  #forgetIfEmpty(record: PeerRecord): void {
    if (record.link === undefined && record.handshake === undefined) this.#records.delete(record.peerId);
  }

  /** Every record is a link or about to be one. */
  #hasRoom(): boolean {
    let taken = 0;
    for (const { link, handshake } of this.#records.values()) if (link ?? handshake) taken++;
    return taken < this.#options.peersMax;
  }

  #discard(connection: Connection): void {
    void disconnect(connection, this.#options.clock, this.#options.limits.flushMs);
  }
}

const contested = (link: OpenLink, verified: OpenLink | undefined): ContestedLink => ({
  instance: link.instance,
  direction: link.direction,
  verified: link === verified,
});

const notReady = (): CodedError => new CodedError("NOT_READY", "the network is not started, or stopping");
