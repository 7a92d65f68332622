/**
 * The key of a private network: 32 bytes that all of its nodes share. Who lacks it cannot say a word to them.
 *
 * Source: libp2p specification, pnet/Private-Networks-PSK-V1.md, and the file that go-ipfs calls `swarm.key`.
 */

import { bytesToHex, hexToBytes } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";

export const NETWORK_KEY_BYTES = 32;
const HEADER = "/key/swarm/psk/1.0.0/";
const ENCODING = "/base16/";

/**
 * The key in the text of a file: three lines, of which the last is the key in hexadecimal.
 * @throws CodedError `INVALID_CONFIG`, which says what is wrong and never the key
 */
export function parseNetworkKey(text: string): Uint8Array {
  const [header, encoding, digits = "", ...rest] = text.trimEnd().split(/\r\n|\r|\n/);
  if (header !== HEADER) throw invalid(`its first line is not ${HEADER}`);
  if (encoding !== ENCODING) throw invalid(`its second line is not ${ENCODING}, the one encoding that is read`);
  if (rest.length > 0) throw invalid("it goes on after the key");
  if (!/^[0-9a-fA-F]{64}$/.test(digits)) {
    throw invalid(`its third line is not a key of ${NETWORK_KEY_BYTES} bytes in hexadecimal`);
  }
  return hexToBytes(`0x${digits}`);
}

/** The text of a key's file, which go-ipfs and other libp2p nodes read as well. @param key 32 bytes of randomness */
export const networkKeyText = (key: Uint8Array): string =>
  `${HEADER}\n${ENCODING}\n${bytesToHex(key).slice("0x".length)}\n`;

const invalid = (why: string): CodedError => new CodedError("INVALID_CONFIG", `this is no network key: ${why}`);
