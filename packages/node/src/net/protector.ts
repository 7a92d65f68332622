/**
 * Who may say the first word on a connection: on a private network who holds its key, elsewhere who speaks openly. Both
 * are told at once by how every connection of libp2p begins, a line that names multistream-select. Without the check a
 * node would take random bytes for a length and wait for that much, and so would the other side.
 *
 * The acceptor hears the dialler before it answers. One that holds no key, or meets one who shows none, answers openly,
 * with a refusal in the protocol that libp2p negotiates by, and hangs up: so a dialler is told why, whichever side the
 * key is missing on.
 */

import type { Clock } from "@counterpart/core/ports/runtime";
import type { AbortOptions, ConnectionProtector, MessageStream } from "@libp2p/interface";
import { byteStream } from "@libp2p/utils";
import { createDeadline } from "./deadline.ts";
import { KeyedConnection, KeyStream, NONCE_BYTES, type RawConnection } from "./keyed-connection.ts";

const text = (line: string): Uint8Array => new TextEncoder().encode(line);

/** What every side's first message is, with its length before it. Source: libp2p specification, connections. */
const OPENING = text("\x13/multistream/1.0.0\n");
/** "Not available": as many bytes as a nonce, so that who waits for one need not wait. */
const REFUSAL = text("\x13/multistream/1.0.0\n\x03na\n");
const CLOSE_MS = 1_000;

/** A failed dial's error, by its name, or by its text where libp2p keeps that alone. */
export const KEY_MISMATCH = "the other side does not hold this node's network key";
export const NO_NEGOTIATION = "could not negotiate /noise";

/** The other side holds another key, or none. */
export class NetworkKeyError extends Error {
  override readonly name = "NetworkKeyError";
  constructor() {
    super(KEY_MISMATCH);
  }
}

/** The other side speaks plain text, and no protocol of libp2p. */
export class NotLibp2pError extends Error {
  override readonly name = "NotLibp2pError";
}

export interface ProtectorOptions {
  /** 32 bytes; undefined on a network that is open. */
  readonly key: Uint8Array | undefined;
  readonly random: (bytes: number) => Uint8Array;
  readonly clock: Clock;
  /** Hears of inbound connections that begin otherwise: by what is encrypted otherwise (`key`) or by text (`foreign`). */
  readonly onRefused: (connection: RawConnection, reason: "key" | "foreign") => void;
}

const beginsWith = (bytes: Uint8Array, start: Uint8Array): boolean =>
  start.every((byte, index) => byte === bytes[index]);

/** Hardly by chance: of 24 random bytes all are once in 10^10, of 20 once in 10^8. */
const isText = (bytes: Uint8Array): boolean =>
  bytes.every((byte) => (byte >= 0x20 && byte < 0x7f) || byte === 0x0a || byte === 0x0d || byte === 0x09);

/** Says openly that nothing is spoken here, and hangs up so that this arrives. */
async function refuse(connection: MessageStream, clock: Clock, refusal: Uint8Array): Promise<void> {
  const deadline = createDeadline(clock, CLOSE_MS);
  try {
    if (refusal.length > 0) connection.send(refusal);
    await connection.close({ signal: deadline.signal });
  } catch {
    // it has gone, or does not read; who called ends it
  } finally {
    deadline.cancel();
  }
}

async function acceptOpen(raw: RawConnection, clock: Clock, options: AbortOptions | undefined): Promise<MessageStream> {
  const bytes = byteStream(raw);
  const first = (await bytes.read({ ...options, bytes: OPENING.length })).subarray();
  if (beginsWith(first, OPENING)) {
    bytes.unwrap();
    raw.unshift(first);
    return raw;
  }
  await refuse(raw, clock, REFUSAL);
  throw isText(first) ? new NotLibp2pError("the other side begins with text") : new NetworkKeyError();
}

interface Keyed extends Pick<ProtectorOptions, "random" | "clock"> {
  readonly key: Uint8Array;
}

async function acceptKeyed(
  raw: RawConnection,
  { key, random, clock }: Keyed,
  options: AbortOptions | undefined,
): Promise<MessageStream> {
  const bytes = byteStream(raw);
  const nonce = (await bytes.read({ ...options, bytes: NONCE_BYTES })).subarray();
  if (beginsWith(nonce, OPENING)) {
    await refuse(raw, clock, REFUSAL);
    throw new NetworkKeyError();
  }
  if (isText(nonce)) {
    await refuse(raw, clock, new Uint8Array());
    throw new NotLibp2pError("the other side begins with text");
  }
  const own = random(NONCE_BYTES);
  await bytes.write(own, options);
  const incoming = new KeyStream(key, nonce);
  const first = incoming.update((await bytes.read({ ...options, bytes: OPENING.length })).subarray());
  if (!beginsWith(first, OPENING)) {
    await refuse(raw, clock, new Uint8Array());
    throw new NetworkKeyError();
  }
  bytes.unwrap();
  const outgoing = new KeyStream(key, own);
  const opening = new Uint8Array();
  const connection = new KeyedConnection({ raw, incoming, outgoing, opening, mismatch: () => new NetworkKeyError() });
  connection.takeRead(first);
  return connection;
}

async function dialKeyed(
  raw: RawConnection,
  { key, random }: Keyed,
  options: AbortOptions | undefined,
): Promise<MessageStream> {
  const bytes = byteStream(raw);
  const own = random(NONCE_BYTES);
  await bytes.write(own, options);
  const nonce = (await bytes.read({ ...options, bytes: NONCE_BYTES })).subarray();
  if (beginsWith(nonce, OPENING)) throw new NetworkKeyError();
  if (isText(nonce)) throw new NotLibp2pError("the other side answers with text");
  if (raw.status !== "open") throw new NetworkKeyError();
  bytes.unwrap();
  return new KeyedConnection({
    raw,
    incoming: new KeyStream(key, nonce),
    outgoing: new KeyStream(key, own),
    opening: OPENING,
    mismatch: () => new NetworkKeyError(),
  });
}

/** What libp2p gives every connection to, before it is encrypted. */
export function createProtector({ key, random, clock, onRefused }: ProtectorOptions): () => ConnectionProtector {
  const accept = async (raw: RawConnection, options: AbortOptions | undefined): Promise<MessageStream> => {
    try {
      return await (key === undefined
        ? acceptOpen(raw, clock, options)
        : acceptKeyed(raw, { key, random, clock }, options));
    } catch (error) {
      if (error instanceof NetworkKeyError) onRefused(raw, "key");
      if (error instanceof NotLibp2pError) onRefused(raw, "foreign");
      throw error;
    }
  };
  const dial = async (raw: RawConnection, options: AbortOptions | undefined): Promise<MessageStream> =>
    key === undefined ? raw : dialKeyed(raw, { key, random, clock }, options);
  const protect: ConnectionProtector["protect"] = (connection, options) => {
    const raw = connection as RawConnection;
    return raw.direction === "inbound" ? accept(raw, options) : dial(raw, options);
  };
  return () => ({ protect });
}
