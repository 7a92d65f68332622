/** The network as the driver sees it: authenticated links that carry whole frames. Types only. */

/** How whoever waits for an answer follows a request. */
export interface RequestWatch {
  /** Aborted when nobody waits for the answer any more: the request is over, as if its time were up. */
  readonly signal: AbortSignal;
  /** Called once, when the first bytes of the answer arrive. */
  readonly onBegin: () => void;
}

/** One connection to a peer. There is at most one link for each peer id. */
export interface Link {
  readonly peerId: string;
  /** The remote address, as `host:port` or a multiaddr. */
  readonly address: string;
  readonly direction: "inbound" | "outbound";
  /**
   * Queues a frame on the link's long-lived stream; frames arrive in order.
   * @returns false when the peer reads too slowly and the bounded queue has no room, or the link is closed: the frame
   * was not queued
   * @throws CodedError `BAD_MESSAGE` when the frame exceeds the frame cap
   */
  send(frame: Uint8Array): boolean;
  /**
   * Sends a request on a stream of its own and resolves with the peer's answer.
   * @throws CodedError `REQUEST_TIMEOUT`, `PEER_DISCONNECTED`, `PEER_ERROR` (the peer reset the stream), `BAD_MESSAGE`
   * (the request or the answer exceeds the frame cap), `RATE_LIMITED` (too many requests wait for this peer already)
   */
  request(frame: Uint8Array, timeoutMs: number, watch?: RequestWatch): Promise<Uint8Array>;
  /** Ends the connection; `LinkHandlers.onClose` is called once. Frames already queued are sent first, within 1 s. */
  close(): Promise<void>;
}

/** What the driver does with a link; made for each link when it opens. */
export interface LinkHandlers {
  onFrame(frame: Uint8Array): void;
  /** Answers a peer's request. A rejection resets the request's stream. */
  onRequest(frame: Uint8Array): Promise<Uint8Array>;
  /** Called once, whoever ended the link. `reason` is an error code where one is known. */
  onClose(reason?: string): void;
}

export interface Network {
  /** This node's own peer id. */
  readonly peerId: string;
  /** Addresses that peers can dial, as multiaddrs with the peer id. Empty before `start`. */
  addresses(): readonly string[];
  /**
   * Listens. `accept` is called for every link, dialled or accepted, when its long-lived stream is open.
   * @throws CodedError `PORT_IN_USE`
   */
  start(accept: (link: Link) => LinkHandlers): Promise<void>;
  /**
   * Connects to `host:port` or a full multiaddr; resolves with the link after `accept` was called for it. Dialling a
   * peer that is already linked resolves with that link.
   * @throws CodedError `INVALID_ADDRESS`, `CONNECTION_REFUSED`, `CONNECTION_FAILED`, `CONNECTION_TIMEOUT`,
   * `NOT_A_PEER`, `SELF_CONNECTION`, `TOO_MANY_PEERS` (here or there), `NOT_READY` (before `start`, after `stop`)
   */
  dial(address: string, signal: AbortSignal): Promise<Link>;
  stop(): Promise<void>;
}
