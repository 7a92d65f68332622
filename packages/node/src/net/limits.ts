/** Every bound of the network adapter, in one place. Sizes in bytes, times in milliseconds. */

export interface NetLimits {
  /** Largest payload of one frame, in either direction. */
  readonly frameBytesMax: number;
  /** What one link may hold in its outgoing queue before `send` answers false. */
  readonly queueBytesMax: number;
  readonly queueFramesMax: number;
  /** A link that moves no byte of a waiting frame for this long is closed. */
  readonly stuckMs: number;
  /** From the start of a dial to an open link. */
  readonly dialMs: number;
  /** Hello and its answer; includes the other side's `probeMs`. */
  readonly handshakeMs: number;
  /** How long a dialler whose connection was refused as a duplicate waits for the surviving link. */
  readonly survivorMs: number;
  /** An accepted connection without a link is cut after this time. */
  readonly unlinkedMs: number;
  /** Inbound connections at once of one address, loopback excepted; of IPv6, of one network of 64 bits. */
  readonly inboundPerAddressMax: number;
  /** How long a link that another connection contests has to show that it is alive. */
  readonly probeMs: number;
  /** A link that carried nothing for one interval is probed; it then has `keepAliveAnswerMs` to answer. */
  readonly keepAliveMs: number;
  readonly keepAliveAnswerMs: number;
  /** `close` gives queued frames this long to leave. */
  readonly flushMs: number;
  /** Own requests on one link; more of them wait for a slot. */
  readonly requestsInFlightMax: number;
  readonly requestsWaitingMax: number;
  /** A peer's requests on one link, over which streams are reset. */
  readonly requestsServedMax: number;
  /** From the opening of a request's stream to its whole frame. */
  readonly requestReadMs: number;
  /** From the whole request to the end of its answer. */
  readonly requestServeMs: number;
}

export const NET_LIMITS: NetLimits = {
  frameBytesMax: 1024 * 1024,
  queueBytesMax: 4 * 1024 * 1024,
  queueFramesMax: 4096,
  stuckMs: 30_000,
  dialMs: 10_000,
  handshakeMs: 6_000,
  survivorMs: 6_000,
  unlinkedMs: 10_000,
  inboundPerAddressMax: 16,
  probeMs: 3_000,
  keepAliveMs: 4_000,
  keepAliveAnswerMs: 7_000,
  flushMs: 1_000,
  requestsInFlightMax: 4,
  requestsWaitingMax: 64,
  requestsServedMax: 8,
  requestReadMs: 10_000,
  requestServeMs: 60_000,
};
