/** What makes a network private, as an operator configures it: its key, and who is linked with. */

import { CodedError, reasonOf } from "@counterpart/core/base/errors";
import { isPeerId, parseDialAddress } from "./address.ts";
import { parseNetworkKey } from "./network-key.ts";

export interface PrivateNetwork {
  /** 32 bytes; absent on an open network. */
  readonly networkKey?: Uint8Array;
  /** Peer ids; everybody is linked with when absent. */
  readonly allowedPeers?: ReadonlySet<string>;
}

export interface PrivateNetworkFiles {
  /** Path of the key's file. */
  readonly networkKey?: string | undefined;
  readonly allowPeers: readonly string[];
  /** Path of a file with further peer ids. An empty one allows nobody. */
  readonly allowPeersFile?: string | undefined;
  /** Addresses that the node is to keep connected. */
  readonly peer: readonly string[];
}

const FILE_CHARACTERS_MAX = 1_000_000;

/**
 * Reads the files, and checks that what is to be dialled can be, as it would be redialled for ever.
 * @throws CodedError `INVALID_CONFIG`
 */
export function readPrivateNetwork(files: PrivateNetworkFiles, readFile: (path: string) => string): PrivateNetwork {
  const { networkKey, allowPeers, allowPeersFile } = files;
  const read = (flag: string, path: string): string => {
    const text = attempt(`${flag} ${path} cannot be read`, () => readFile(path));
    if (text.length <= FILE_CHARACTERS_MAX) return text;
    throw new CodedError("INVALID_CONFIG", `${flag} ${path} is too large`);
  };
  const key = networkKey === undefined ? undefined : read("--network-key", networkKey);
  const listed = allowPeersFile === undefined ? [] : peerIdsIn(read("--allow-peers-file", allowPeersFile));
  const isClosed = allowPeersFile !== undefined || allowPeers.length > 0;
  const allowed = isClosed ? new Set([...allowPeers, ...listed]) : undefined;
  for (const address of files.peer) checkPeer(address, allowed);
  return {
    ...(key === undefined ? {} : { networkKey: attempt(`--network-key ${networkKey}`, () => parseNetworkKey(key)) }),
    ...(allowed === undefined ? {} : { allowedPeers: allowed }),
  };
}

/** One on a line; what follows # is for people. */
function peerIdsIn(text: string): string[] {
  const lines = text.split("\n").map((line) => line.replace(/#.*/, "").trim());
  const wrong = lines.findIndex((line) => line !== "" && !isPeerId(line));
  if (wrong === -1) return lines.filter((line) => line !== "");
  throw new CodedError("INVALID_CONFIG", `--allow-peers-file: line ${wrong + 1} is no peer id`);
}

function checkPeer(address: string, allowed: ReadonlySet<string> | undefined): void {
  const { peerId } = attempt(`--peer ${address}`, () => parseDialAddress(address));
  if (peerId === undefined || allowed === undefined || allowed.has(peerId)) return;
  throw new CodedError("INVALID_CONFIG", `--peer ${address}: the peer is not among those that are allowed`);
}

function attempt<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new CodedError("INVALID_CONFIG", `${what}: ${reasonOf(error)}`);
  }
}
