/**
 * Who may speak to this node. A web page must not drive a node on its reader's machine: a name that an attacker's DNS
 * points at loopback shows in `Host`, a page's own origin in `Origin`. Off loopback, what changes anything needs the
 * node's bearer token.
 */

import { createHash, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import { CodedError } from "@counterpart/core/base/errors";

/** Name or address of a `host[:port]`, lower case, IPv6 without brackets; undefined when it is neither. */
export function hostnameOf(host: string): string | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:/@[\]]+))(?::\d{1,5})?$/.exec(host);
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}

/** Whether a listening host or a hostname stays on this machine. */
export function isLoopback(hostname: string): boolean {
  if (hostname === "localhost" || hostname === "::1") return true;
  return isIP(hostname) === 4 && hostname.startsWith("127.");
}

/** @throws CodedError `HOST_NOT_ALLOWED` unless it is an IP address, localhost or one of `allowed` */
export function checkHost(host: string | undefined, allowed: readonly string[]): void {
  const name = host === undefined ? undefined : hostnameOf(host);
  if (name !== undefined && (isIP(name) !== 0 || name === "localhost" || allowed.includes(name))) return;
  throw new CodedError("HOST_NOT_ALLOWED", "the Host header is neither an IP address nor a name of this node", {
    header: "Host",
  });
}

/**
 * @param allowed in lower case
 * @throws CodedError `HOST_NOT_ALLOWED` unless there is no origin, or it is on loopback, the node itself or `allowed`
 */
export function checkOrigin(
  origin: string | undefined,
  host: string | undefined,
  allowed: readonly string[] = [],
): void {
  if (origin === undefined || allowed.includes(origin.toLowerCase())) return;
  const match = /^https?:\/\/([^/]+)$/i.exec(origin);
  const authority = match?.[1]?.toLowerCase();
  if (authority !== undefined && authority === host?.toLowerCase()) return;
  const name = authority === undefined ? undefined : hostnameOf(authority);
  if (name !== undefined && isLoopback(name)) return;
  throw new CodedError("HOST_NOT_ALLOWED", "requests from web pages of other origins are refused", {
    header: "Origin",
  });
}

/**
 * Whether a browser's extension asks, such as a wallet: what its person has installed, and no page can pretend to be. It
 * may read and hand in what is signed, over JSON-RPC, and gets nothing signed here.
 */
export const isExtensionOrigin = (origin: string | undefined): boolean =>
  origin !== undefined && /^(chrome|moz|safari-web)-extension:\/\/[a-z0-9-]{1,64}$/i.test(origin);

/** The host that a request is for: of its target where that is a whole URL, which then counts (RFC 9112, 3.2.2). */
export function requestedHost(target: string | undefined, host: string | undefined): string | undefined {
  return /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(target ?? "")?.[1] ?? host;
}

/** @throws CodedError `INVALID_REQUEST` for several Host headers, of which nobody knows which one counts (RFC 9112, 3.2) */
export function checkOneHost(rawHeaders: readonly string[]): void {
  const names = rawHeaders.filter((_, index) => index % 2 === 0);
  if (names.filter((name) => name.toLowerCase() === "host").length <= 1) return;
  throw new CodedError("INVALID_REQUEST", "the request has several Host headers", { header: "Host" });
}

/**
 * A page of another site can load what it may not read, such as an image or a script, and without an Origin. A browser
 * says so; only following a link is no harm.
 * @throws CodedError `HOST_NOT_ALLOWED`
 */
export function checkFetchSite(headers: Readonly<Record<string, string | readonly string[] | undefined>>): void {
  const isForeign = headers["sec-fetch-site"] === "cross-site" && headers.origin === undefined;
  if (!isForeign || headers["sec-fetch-mode"] === "navigate") return;
  throw new CodedError("HOST_NOT_ALLOWED", "requests from web pages of other sites are refused", {
    header: "Sec-Fetch-Site",
  });
}

/** What a browser is told not to do with any answer: guess its type, show it in a frame, give it to another site. */
export const BROWSER_HEADERS = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "content-security-policy": "frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
} as const;

const digestOf = (text: string): Buffer => createHash("sha256").update(text).digest();

/**
 * Makes the check of the `Authorization` header; the comparison takes the same time whatever was sent.
 * @throws CodedError (the check) `UNAUTHORIZED`
 */
export function createTokenCheck(token: string): (authorization: string | undefined) => void {
  const expected = digestOf(token);
  return (authorization) => {
    const given = /^Bearer +([^\s]+) *$/i.exec(authorization ?? "")?.[1] ?? "";
    if (timingSafeEqual(digestOf(given), expected)) return;
    const message =
      given === ""
        ? "this node listens beyond loopback: send its token as Authorization: Bearer"
        : "the token that was sent is not this node's";
    throw new CodedError("UNAUTHORIZED", message);
  };
}

/** @throws CodedError `UNSUPPORTED_MEDIA_TYPE`: a page can send other types across origins without asking first */
export function checkJsonType(contentType: string | undefined): void {
  if (/^application\/json *(;|$)/i.test(contentType ?? "")) return;
  throw new CodedError("UNSUPPORTED_MEDIA_TYPE", "send Content-Type: application/json");
}
