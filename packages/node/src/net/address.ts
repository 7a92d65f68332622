/** The addresses that people type, as multiaddrs that libp2p dials. */

import { CodedError } from "@counterpart/core/base/errors";
import { type Component, type Multiaddr, multiaddr } from "@multiformats/multiaddr";

const ADDRESS_CHARACTERS_MAX = 512;
const HOST_AND_PORT = /^(?:\[([0-9a-fA-F:.]+)\]|([^[\]:/\s]+)):([0-9]{1,5})$/;
const DOMAIN_NAME = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?)*\.?$/i;
/** The last label of a domain name is never a number (RFC 3696), so this is an IPv4 address or a mistake. */
const ENDS_IN_NUMBER = /(^|\.)[0-9]+\.?$/;
/** A peer id: the base58 of a multihash. */
export const PEER_ID = /^(Qm|1)[1-9A-HJ-NP-Za-km-z]{40,60}$/;
const SHAPE = /^(ip4|ip6|dns|dns4|dns6)\/tcp(\/ws|\/wss|\/tls\/ws)?(\/p2p)?$/;

/** Whether a text has the form of a peer id. */
export const isPeerId = (text: string): boolean => PEER_ID.test(text);

export interface DialTarget {
  /** Without the peer id: which peer answers is checked after the handshake has proven it. */
  readonly multiaddr: Multiaddr;
  /** The peer that must answer; undefined when any may. */
  readonly peerId: string | undefined;
}

/**
 * Reads `host:port` (IPv4, a domain name, IPv6 in brackets) or a multiaddr over TCP or WebSocket, with or without
 * `/p2p/<peer id>`.
 * @throws CodedError `INVALID_ADDRESS`
 */
export function parseDialAddress(address: string): DialTarget {
  if (address.length > ADDRESS_CHARACTERS_MAX) throw invalidAddress("it is too long");
  const parsed = parseMultiaddr(address.startsWith("/") ? address : hostAndPortToText(address));
  const components = parsed.getComponents();
  if (!SHAPE.test(components.map(({ name }) => name).join("/"))) {
    throw invalidAddress("only TCP and WebSocket addresses of a host can be dialled");
  }
  if (componentValue(components, "tcp") === "0") throw invalidAddress("port 0 cannot be dialled");
  const peerId = componentValue(components, "p2p");
  if (peerId === undefined) return { multiaddr: parsed, peerId };
  if (!isPeerId(peerId)) throw invalidAddress("the peer id is malformed");
  return { multiaddr: multiaddr(components.filter(({ name }) => name !== "p2p")), peerId };
}

/** Whether an address may lead to where a node listens at `own`: of a name no more is known than the port. */
export function mayLeadTo(own: Multiaddr, address: Multiaddr): boolean {
  const [[listening, at], [host, port]] = [own.getComponents(), address.getComponents()];
  return port?.value === at?.value && (host?.name.startsWith("dns") === true || host?.value === listening?.value);
}

/**
 * The multiaddr to listen at.
 * @param host an IPv4 or IPv6 address, or `localhost`
 * @param port 0 for any free one
 * @throws CodedError `INVALID_CONFIG`
 */
export function listenAddress(host: string, port: number, webSocket: boolean): string {
  const ip = host === "localhost" ? "127.0.0.1" : host;
  const text = `/${ip.includes(":") ? "ip6" : "ip4"}/${ip}/tcp/${port}${webSocket ? "/ws" : ""}`;
  try {
    return multiaddr(text).toString();
  } catch {
    throw new CodedError("INVALID_CONFIG", `cannot listen at host ${host} and port ${port}`, { host, port });
  }
}

function hostAndPortToText(address: string): string {
  const [, ip6, host = "", port] = HOST_AND_PORT.exec(address) ?? [];
  if (port === undefined) throw invalidAddress("expected host:port or a multiaddr");
  if (ip6 !== undefined) return `/ip6/${ip6}/tcp/${port}`;
  if (ENDS_IN_NUMBER.test(host)) return `/ip4/${host}/tcp/${port}`;
  if (!DOMAIN_NAME.test(host)) throw invalidAddress("the host is neither an IP address nor a domain name");
  return `/dns4/${host}/tcp/${port}`;
}

function parseMultiaddr(text: string): Multiaddr {
  try {
    return multiaddr(text);
  } catch (error) {
    throw invalidAddress(error instanceof Error ? error.message : "it cannot be parsed");
  }
}

const componentValue = (components: readonly Component[], name: string): string | undefined =>
  components.find((component) => component.name === name)?.value;

const invalidAddress = (reason: string): CodedError =>
  new CodedError("INVALID_ADDRESS", `not an address that can be dialled: ${reason}`);
