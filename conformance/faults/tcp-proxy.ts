/** A TCP proxy on the way between two nodes, that does to it what networks do. */

import { once } from "node:events";
import { createServer, type Server, type Socket, connect as tcpConnect } from "node:net";

/** What the way is like. Bytes already taken are delivered as the mode is when they are due. */
export interface Way {
  /** Each way. */
  readonly delayMs?: number;
  /** Each way, of all connections together; without end when not given. */
  readonly bytesPerSecond?: number;
  /** Nothing moves, connections stay open. */
  readonly stalled?: boolean;
  /** What the dialled side sends gets lost, as when its packets are routed to nowhere; connections stay open. */
  readonly halfOpen?: boolean;
}

/** Bytes of one direction of one connection that wait for their time; then the sender is paused. */
const WAITING_BYTES_MAX = 4 * 1_024 * 1_024;

interface Due {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** One direction of one connection: bytes leave in their order, each not before its time. */
class Lane {
  readonly #queue: Due[] = [];
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #way: () => Way;
  readonly #isAnswering: boolean;
  #waitingBytes = 0;
  #freeAt = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(from: Socket, to: Socket, isAnswering: boolean, way: () => Way) {
    [this.#from, this.#to, this.#isAnswering, this.#way] = [from, to, isAnswering, way];
    from.on("data", (bytes: Uint8Array) => this.#take(bytes));
    from.on("close", () => this.#close());
  }

  #take(bytes: Uint8Array): void {
    const { delayMs = 0, bytesPerSecond } = this.#way();
    const now = performance.now();
    const sendingMs = bytesPerSecond === undefined ? 0 : (bytes.length / bytesPerSecond) * 1_000;
    this.#freeAt = Math.max(now, this.#freeAt) + sendingMs;
    this.#queue.push({ at: this.#freeAt + delayMs, bytes });
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes > WAITING_BYTES_MAX) this.#from.pause();
    this.proceed();
  }

  /** Sends what is due; to be called when the way changes, too. */
  proceed(): void {
    clearTimeout(this.#timer);
    const { stalled = false, halfOpen = false } = this.#way();
    if (stalled) return;
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      const wait = next.at - performance.now();
      if (wait > 0) {
        this.#timer = setTimeout(() => this.proceed(), wait);
        return;
      }
      this.#queue.shift();
      this.#waitingBytes -= next.bytes.length;
      if (!(halfOpen && this.#isAnswering)) this.#to.write(next.bytes);
    }
    if (this.#waitingBytes <= WAITING_BYTES_MAX) this.#from.resume();
  }

  #close(): void {
    clearTimeout(this.#timer);
    this.#to.destroy();
  }
}

export class TcpProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #lanes = new Set<Lane>();
  #target: { readonly host: string; readonly port: number };
  #way: Way;
  #cut = false;
  /** `127.0.0.1:port`. */
  address = "";
  /** Bytes taken so far, of all connections and both directions. */
  passedBytes = 0;

  private constructor(target: string, way: Way) {
    this.#target = TcpProxy.#parse(target);
    this.#way = way;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** @param target `host:port` */
  static async listen(target: string, way: Way = {}): Promise<TcpProxy> {
    const proxy = new TcpProxy(target, way);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    const address = proxy.#server.address();
    if (address === null || typeof address === "string") throw new Error("a proxy without port");
    proxy.address = `127.0.0.1:${address.port}`;
    return proxy;
  }

  static #parse(target: string): { readonly host: string; readonly port: number } {
    const [host = "", port] = target.split(":");
    return { host, port: Number(port) };
  }

  #accept(socket: Socket): void {
    if (this.#cut) {
      socket.destroy();
      return;
    }
    const onward = tcpConnect({ ...this.#target, noDelay: true });
    const lanes = [new Lane(socket, onward, false, () => this.#way), new Lane(onward, socket, true, () => this.#way)];
    for (const lane of lanes) this.#lanes.add(lane);
    for (const one of [socket, onward]) {
      this.#sockets.add(one);
      one.on("data", (bytes: Uint8Array) => {
        this.passedBytes += bytes.length;
      });
      // The other end hears of it by the close that follows.
      one.on("error", () => {});
      one.once("close", () => {
        this.#sockets.delete(one);
        for (const lane of lanes) this.#lanes.delete(lane);
      });
    }
  }

  /** From now on the way is like this. */
  become(way: Way): void {
    this.#way = way;
    for (const lane of this.#lanes) lane.proceed();
  }

  /** Ends every connection, and refuses new ones until `mend`. */
  cut(): void {
    this.#cut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend(): void {
    this.#cut = false;
  }

  /** Connections that come from now on go to another address. */
  leadTo(target: string): void {
    this.#target = TcpProxy.#parse(target);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    const closed = once(this.#server, "close");
    this.#server.close();
    await closed;
  }
}
