/** The requests for state, each as large as its peer takes it, and what their answers prove. */

import type { Hex } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import type { Block, SealedHeader } from "@counterpart/core/chain/types";
import { type AdvertisedLimits, FRAME_BYTES_BY_TYPE, OWN_LIMITS } from "@counterpart/core/sync/limits";
import type { ContractsMessage } from "@counterpart/core/sync/message-types";
import type { ContractOrigin, WantedState, WantedStorage } from "@counterpart/core/sync/message-types-state";
import type { WantedNode } from "@counterpart/core/trie/difference";
import type { NibblePath } from "@counterpart/core/trie/types";
import {
  type ProvenNode,
  type ProvenStorage,
  type TrustedHeader,
  verifyAccountRangeAnswer,
  verifyCodes,
  verifyContractIndex,
  verifyExpectedNodes,
  verifyNodesAnswer,
  verifyStateAnswer,
  verifyStorageAnswer,
} from "@counterpart/core/verify/peer-answers";
import type { ProvenAccount, ProvenAccounts } from "@counterpart/core/verify/state-proof";
import { decodeWanted } from "./block-fetch.ts";
import type { Session } from "./session.ts";
import type { StateQuery } from "./state-exchange.ts";

/** How many a peer is asked for at once. */
function countFor({ version }: Session, limit: keyof AdvertisedLimits, share: number): number {
  const most = Math.min(OWN_LIMITS[limit], version?.limits[limit] ?? OWN_LIMITS[limit]);
  return Math.max(1, Math.floor(most * share));
}

/** How large an answer of a range is to be, where the number of its items is not asked for. */
const bytesFor = (type: "Contracts" | "Storage", share: number): { readonly bytesMax?: number } =>
  share < 1 ? { bytesMax: Math.floor(FRAME_BYTES_BY_TYPE[type] * share) } : {};

type ContractsKind = ContractsMessage["kind"];

function ofKind<K extends ContractsKind>(answer: ContractsMessage, kind: K): Extract<ContractsMessage, { kind: K }> {
  if (answer.kind !== kind) throw new CodedError("BAD_MESSAGE", "contracts of another kind than asked for");
  return answer as Extract<ContractsMessage, { kind: K }>;
}

/** The first accounts and slots, up to so many of each. */
function firstOf(wanted: readonly WantedState[], accountsMax: number, slotsMax: number): readonly WantedState[] {
  const some: WantedState[] = [];
  let left = slotsMax;
  for (const { address, slots } of wanted.slice(0, accountsMax)) {
    const first = slots.slice(0, left);
    if (first.length === 0 && slots.length > 0) break;
    some.push({ address, slots: first });
    left -= first.length;
    if (first.length < slots.length) break;
  }
  return some;
}

export const accountsQuery = (block: TrustedHeader, start: Uint8Array): StateQuery<"GetContracts", ProvenAccounts> => ({
  kind: "accounts",
  block,
  request: (_session, share) => ({
    type: "GetContracts",
    kind: "range",
    blockHash: block.hash,
    start,
    ...bytesFor("Contracts", share),
  }),
  take: (answer) => verifyAccountRangeAnswer(block, start, ofKind(answer, "range")),
});

export const storagesQuery = (
  block: TrustedHeader,
  wanted: readonly WantedStorage[],
  start: Uint8Array,
): StateQuery<"GetStorage", readonly ProvenStorage[]> => ({
  kind: "storages",
  block,
  request: (session, share) => {
    const some = wanted.slice(0, countFor(session, "storages", share));
    return { type: "GetStorage", blockHash: block.hash, wanted: some, start, ...bytesFor("Storage", share) };
  },
  take: (answer, asked) => verifyStorageAnswer(asked.wanted, start, answer),
});

export const nodesQuery = (
  block: TrustedHeader,
  account: Hex | undefined,
  wanted: readonly WantedNode[],
): StateQuery<"GetNodes", readonly ProvenNode[]> => ({
  kind: "nodes",
  block,
  request: (session, share) => {
    const paths = wanted.slice(0, countFor(session, "nodes", share)).map(({ path }) => path);
    return { type: "GetNodes", blockHash: block.hash, ...(account === undefined ? {} : { account }), paths };
  },
  take: (answer, { paths }) => {
    const hashes = wanted.slice(0, paths.length).map(({ hash }) => hash);
    return verifyNodesAnswer(hashes, answer);
  },
});

export const expectedNodesQuery = (
  block: TrustedHeader,
  account: Hex | undefined,
  root: Hex,
  expected: readonly NibblePath[],
): StateQuery<"GetNodes", ReadonlyMap<NibblePath, ProvenNode>> => ({
  kind: "nodes",
  block,
  request: (session, share) => {
    const paths = expected.slice(0, countFor(session, "nodes", share));
    return { type: "GetNodes", blockHash: block.hash, ...(account === undefined ? {} : { account }), paths };
  },
  take: (answer, { paths }) => verifyExpectedNodes(root, paths, answer),
});

export const stateQuery = (
  block: TrustedHeader,
  wanted: readonly WantedState[],
): StateQuery<"GetContracts", readonly ProvenAccount[]> => ({
  kind: "state",
  block,
  request: (session, share) => {
    const some = firstOf(wanted, countFor(session, "contracts", share), countFor(session, "slots", share));
    return { type: "GetContracts", kind: "state", blockHash: block.hash, wanted: some };
  },
  take: (answer, asked) =>
    verifyStateAnswer(block, asked.kind === "state" ? asked.wanted : [], ofKind(answer, "state")),
});

export const codesQuery = (hashes: readonly Hex[]): StateQuery<"GetBlobs", ReadonlyMap<Hex, Uint8Array>> => ({
  kind: "codes",
  request: (session, share) => {
    const wanted = hashes.slice(0, countFor(session, "blobs", share)).map((hash) => ({ hash }));
    return { type: "GetBlobs", wanted };
  },
  take: ({ blobs }, { wanted }) => {
    const codes = new Map<Hex, Uint8Array>();
    const asked = wanted.map(({ hash }) => hash);
    for (const [index, code] of verifyCodes(asked, blobs).entries()) {
      // A copy, so that a small code does not hold the whole frame in memory.
      if (code !== undefined) codes.set(asked[index] as Hex, code.slice());
    }
    return codes.size === 0 ? undefined : codes;
  },
});

/** The block of a header that is known to be good. */
export const blockQuery = (header: SealedHeader, chainId: number): StateQuery<"GetBlocks", Block> => ({
  kind: "block",
  request: () => ({ type: "GetBlocks", hashes: [header.hash] }),
  take({ blocks: [encoded] }) {
    if (encoded === undefined) return undefined;
    const isAbsent = encoded.length === 0;
    if (isAbsent) throw new CodedError("PEER_ERROR", "the peer does not have the block", { refusal: "NOT_HELD" });
    return decodeWanted(encoded, header, chainId);
  },
});

type Origins = readonly (ContractOrigin | undefined)[];

export const originsQuery = (accounts: readonly Hex[]): StateQuery<"GetContracts", Origins> => ({
  kind: "origins",
  request: (session, share) => {
    const some = accounts.slice(0, countFor(session, "contracts", share));
    return { type: "GetContracts", kind: "index", accounts: some };
  },
  take: (answer, asked) => verifyContractIndex(asked.kind === "index" ? asked.accounts : [], ofKind(answer, "index")),
});
