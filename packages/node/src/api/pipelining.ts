/**
 * Requests that a client sends on one connection without waiting for answers (RFC 9112, 9.3.2). Node hands over at once
 * all those that a piece of 64 KiB holds, which may be thousands: here each waits for the answer to the one before, and
 * others have a turn in between.
 */

import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** A connection on which more wait is ended. Node reads on whatever waits, so that nothing else would bound them. */
export const WAITING_MAX = 512;

type Exchange = readonly [IncomingMessage, ServerResponse];

export interface OneByOne extends RequestListener {
  /** Whether a request of this connection is not answered yet: its socket is not to be given away. */
  isBusy(socket: Socket): boolean;
}

/** @param listener is given the next request of a connection when the last one was answered */
export function oneByOne(listener: RequestListener): OneByOne {
  /** Of connections with a request that is not answered yet: those behind it. */
  const waiting = new WeakMap<Socket, Exchange[]>();
  const answer = (socket: Socket, [request, response]: Exchange): void => {
    response.once("close", () => {
      if (waiting.get(socket)?.length === 0) waiting.delete(socket);
      else setImmediate(next, socket);
    });
    listener(request, response);
  };
  const next = (socket: Socket): void => {
    const exchange = socket.destroyed ? undefined : waiting.get(socket)?.shift();
    if (exchange !== undefined) answer(socket, exchange);
  };
  const take: RequestListener = (request, response) => {
    const { socket } = request;
    const behind = waiting.get(socket);
    if (behind === undefined) {
      waiting.set(socket, []);
      answer(socket, [request, response]);
    } else if (behind.length < WAITING_MAX) behind.push([request, response]);
    else socket.destroy();
  };
  return Object.assign(take, { isBusy: (socket: Socket) => waiting.has(socket) });
}
