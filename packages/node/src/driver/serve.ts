/**
 * Answers peers' requests: as much as the caps, the frame and its time allow, at least one item where there is one, in
 * the order asked, only the tail cut. No state is kept between requests.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import { encodeBlock } from "@counterpart/core/chain/block";
import { EMPTY_CODE_HASH, encodeHeader } from "@counterpart/core/chain/header";
import type { SealedHeader } from "@counterpart/core/chain/types";
import type { ArtifactRecord } from "@counterpart/core/sync/artifact-types";
import { CONTRACTS_MAX } from "@counterpart/core/sync/limits";
import type {
  ArtifactEnvelope,
  BlobRequest,
  ContractAccount,
  GetContractsMessage,
  GetHeadersMessage,
  Message,
  Request,
} from "@counterpart/core/sync/message-types";
import type { ContractOrigin } from "@counterpart/core/sync/message-types-state";
import type { ArtifactChange } from "../contracts/types.ts";
import type { ContractEntry, Snapshot } from "../engine/types.ts";
import { withSnapshot } from "../engine/with-snapshot.ts";
import type { DriverDeps } from "./ports.ts";
import { type Budget, createBudget, ITEM_BYTES, refuse } from "./serve-budget.ts";
import { serveAccountRange, serveNodes, serveState, serveStorage } from "./serve-state.ts";

export interface ServeDeps extends Pick<DriverDeps, "engine" | "contracts" | "clock"> {
  readonly instanceId: string;
  /** Whether nothing of the state is to be served. */
  readonly isDiverged: () => boolean;
}

/** Bytes of an envelope without its content, at most. */
const ENVELOPE_BYTES = 256;
/** Bytes of an account with its list headers, at most. */
const ACCOUNT_BYTES = 192;
/** Where a contract comes from with its list headers, at most. */
const ORIGIN_BYTES = 64;
/** Changes read at a time: each comes with its content, and an answer may have no room for many. */
const CHANGES_AT_A_TIME = 8;
function firstHeader({ engine }: ServeDeps, from: GetHeadersMessage["from"]): SealedHeader | undefined {
  if ("number" in from) return engine.header(from.number);
  const last = engine.head().number;
  for (const hash of from.hashes) {
    const header = engine.header(hash);
    if (header === undefined || header.number > last) continue;
    // What follows is found by number, and a replica's head may not be on the chain whose headers it has.
    if (engine.header(header.number)?.hash === hash) return header;
  }
  return undefined;
}

function serveHeaders(deps: ServeDeps, { from, count, direction }: GetHeadersMessage): Message {
  const first = firstHeader(deps, from);
  if (first === undefined) return refuse("NOT_HELD");
  const budget = createBudget("Headers", deps.clock);
  const step = direction === "up" ? 1 : -1;
  const headers: Uint8Array[] = [];
  for (let i = 0; i < count && first.number + i * step >= 0; i++) {
    const header = i === 0 ? first : deps.engine.header(first.number + i * step);
    const encoded = header === undefined ? undefined : encodeHeader(header);
    if (encoded === undefined || !budget.take(encoded.length + ITEM_BYTES)) break;
    headers.push(encoded);
  }
  return { type: "Headers", headers };
}

function serveBlocks({ engine, clock }: ServeDeps, hashes: readonly Hex[]): Message {
  const budget = createBudget("Blocks", clock);
  const blocks: Uint8Array[] = [];
  for (const hash of hashes) {
    const block = engine.block(hash);
    const encoded = block === undefined ? new Uint8Array(0) : encodeBlock(block);
    if (!budget.take(encoded.length + ITEM_BYTES)) break;
    blocks.push(encoded);
  }
  return { type: "Blocks", blocks };
}

function toEnvelope(record: ArtifactRecord, inline: boolean): ArtifactEnvelope {
  const { content, ...envelope } = record;
  return inline ? { ...envelope, content } : envelope;
}

function serveSince(deps: ServeDeps, query: Extract<GetContractsMessage, { kind: "since" }>): Message {
  const { contracts, clock, instanceId } = deps;
  const after = query.instanceId === instanceId ? query.sequence : 0;
  const budget = createBudget("Contracts", clock);
  let inlineLeft = query.inlineBytesMax;
  const { sequence: last } = contracts.artifacts();
  const entries: ArtifactEnvelope[] = [];
  let upTo = after;
  /** Whether the change found room. */
  const take = ({ sequence, record }: ArtifactChange): boolean => {
    const size = record.content.length;
    const inline = size <= inlineLeft && budget.hasRoom(ENVELOPE_BYTES + size);
    if (!budget.take(ENVELOPE_BYTES + (inline ? size : 0))) return false;
    if (inline) inlineLeft -= size;
    entries.push(toEnvelope(record, inline));
    upTo = sequence;
    return true;
  };
  let more = true;
  while (more && entries.length < CONTRACTS_MAX) {
    const changes = contracts.artifactsSince(upTo, Math.min(CHANGES_AT_A_TIME, CONTRACTS_MAX - entries.length));
    if (changes.length === 0) {
      upTo = Math.max(upTo, last);
      break;
    }
    more = changes.every(take);
  }
  return { type: "Contracts", kind: "since", instanceId, upTo, last: Math.max(last, upTo), entries };
}

function contractAccount({ contracts }: ServeDeps, snapshot: Snapshot, address: Hex, budget: Budget): ContractAccount {
  const account = snapshot.account(address);
  const record = account === undefined ? undefined : contracts.artifact(address);
  const room = budget.hasRoom(ACCOUNT_BYTES + ENVELOPE_BYTES + (record?.content.length ?? 0));
  return {
    address,
    ...(account === undefined ? {} : { account }),
    ...(record === undefined ? {} : { artifact: toEnvelope(record, room) }),
  };
}

function serveAccounts(deps: ServeDeps, addresses: readonly Hex[]): Message {
  const budget = createBudget("Contracts", deps.clock);
  const accounts: ContractAccount[] = [];
  return withSnapshot(deps.engine, (snapshot) => {
    const { hash, number } = snapshot.head;
    for (const address of addresses) {
      const entry = contractAccount(deps, snapshot, address, budget);
      const contentBytes = entry.artifact?.content?.length ?? 0;
      if (!budget.take(ACCOUNT_BYTES + (entry.artifact === undefined ? 0 : ENVELOPE_BYTES + contentBytes))) break;
      accounts.push(entry);
    }
    return { type: "Contracts", kind: "accounts", block: { hash, number }, accounts };
  });
}

function findBlob(
  { contracts }: ServeDeps,
  snapshot: Snapshot,
  { hash, address }: BlobRequest,
): Uint8Array | undefined {
  if (address === undefined) return hash === EMPTY_CODE_HASH ? undefined : snapshot.heldCode(hash);
  const record = contracts.artifact(address);
  if (record?.contentHash === hash) return record.content;
  const codeHash = snapshot.account(address)?.codeHash;
  return codeHash === hash && hash !== EMPTY_CODE_HASH ? snapshot.code(hash) : undefined;
}

function serveBlobs(deps: ServeDeps, wanted: readonly BlobRequest[]): Message {
  const budget = createBudget("Blobs", deps.clock);
  const blobs: (Uint8Array | undefined)[] = [];
  return withSnapshot(deps.engine, (snapshot) => {
    for (const request of wanted) {
      const blob = findBlob(deps, snapshot, request);
      if (!budget.take((blob?.length ?? 0) + ITEM_BYTES)) break;
      blobs.push(blob);
    }
    return { type: "Blobs", blobs };
  });
}

const originOf = ({ address, owner, creationNonce }: ContractEntry): ContractOrigin => ({
  address,
  ...(owner === undefined ? {} : { owner }),
  ...(creationNonce === undefined ? {} : { creationNonce }),
});

function serveIndex(deps: ServeDeps, accounts: readonly Hex[]): Message {
  const budget = createBudget("Contracts", deps.clock);
  const entries: (ContractOrigin | undefined)[] = [];
  return withSnapshot(deps.engine, (snapshot) => {
    for (const account of accounts) {
      const entry = snapshot.hashedContract(account);
      if (!budget.take(ORIGIN_BYTES)) break;
      entries.push(entry === undefined ? undefined : originOf(entry));
    }
    return { type: "Contracts", kind: "index", entries };
  });
}

function serveContracts(deps: ServeDeps, request: GetContractsMessage): Message {
  switch (request.kind) {
    case "since":
      return serveSince(deps, request);
    case "addresses":
      return serveAccounts(deps, request.addresses);
    case "state":
      return serveState(deps, request);
    case "range":
      return serveAccountRange(deps, request);
    case "index":
      return serveIndex(deps, request.accounts);
  }
}

/** Whether what is asked for is what execution has made, rather than what somebody has sealed or signed. */
function asksForState(request: Request): boolean {
  if (request.type === "GetContracts") return request.kind !== "since";
  return request.type === "GetStorage" || request.type === "GetNodes";
}

/** The answer to a request. */
export function serve(deps: ServeDeps, request: Request): Message {
  if (deps.isDiverged() && asksForState(request)) return refuse("NOT_HELD");
  switch (request.type) {
    case "GetHeaders":
      return serveHeaders(deps, request);
    case "GetBlocks":
      return serveBlocks(deps, request.hashes);
  }
  // A state that is being taken over is nobody's yet.
  if (deps.engine.adoption.isUnderway) return refuse("NOT_HELD");
  switch (request.type) {
    case "GetContracts":
      return serveContracts(deps, request);
    case "GetBlobs":
      return serveBlobs(deps, request.wanted);
    case "GetStorage":
      return serveStorage(deps, request);
    case "GetNodes":
      return serveNodes(deps, request);
  }
}
