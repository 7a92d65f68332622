/** Contracts as callers see them: index entry, account and artifact of one moment, in one view. */

import type { Hex } from "@counterpart/core/base/bytes";
import { bytesToBigInt, hexToBytes } from "@counterpart/core/base/bytes";
import { CodedError, isCodedError } from "@counterpart/core/base/errors";
import { ZERO_HASH } from "@counterpart/core/chain/header";
import { checksumAddress, keccak256Hex } from "@counterpart/core/crypto/crypto";
import type { Clock } from "@counterpart/core/ports/runtime";
import { integrityHash, stateHash } from "@counterpart/core/sync/artifact";
import type { ArtifactRecord } from "@counterpart/core/sync/artifact-types";
import { createPatientPacer } from "../engine/pacer.ts";
import type { ChainEngine, ContractEntry, Snapshot } from "../engine/types.ts";
import { isNamed } from "../engine/unnamed.ts";
import { withSnapshot } from "../engine/with-snapshot.ts";
import type { ContractAbi } from "./abi.ts";
import type { ArtifactStore } from "./artifact-store.ts";
import type { ContentCache } from "./content-cache.ts";
import { scanContracts } from "./contract-scan.ts";
import { formatCursor, formatSince, type Moment, parseCursor, parseSince } from "./page-token.ts";
import { completeProxy, findProxy, joinAbis, type ProxyPlace } from "./proxies.ts";
import type { ContractFilter, ContractPage, ContractView } from "./types.ts";

export interface ViewDeps {
  readonly engine: Pick<
    ChainEngine,
    "snapshot" | "contracts" | "head" | "isCanonical" | "call" | "holding" | "isReplica" | "adoption"
  >;
  readonly clock: Clock;
  readonly instanceId: string;
  readonly store: ArtifactStore;
  readonly contents: ContentCache;
}

export interface Views {
  /** @throws CodedError `CONTRACT_NOT_FOUND`, `NOT_HELD` */
  get(address: Hex): Promise<ContractView>;
  /** @throws CodedError `INVALID_REQUEST` for a cursor or since that no list gave */
  list(filter: ContractFilter): Promise<ContractPage>;
}

const PAGE_MAX = 1_000;
const TOTAL_SUPPLY_SELECTOR: Hex = "0x18160ddd";
/** Plenty for a getter; a list asks every contract on it, whoever wrote them. */
const TOTAL_SUPPLY_GAS = 200_000;

export function contractNotFound(address: Hex): CodedError {
  return new CodedError("CONTRACT_NOT_FOUND", `there is no contract at ${address}`, { address });
}

type Held = Pick<ChainEngine, "holding">;

/** Of a contract that is to be held, nothing is known before it was fetched, not even that there is none. */
export const isLacking = ({ holding }: Held, address: Hex): boolean =>
  !holding.has(address) || holding.isAwaited(address);

/** Why a contract is not in the index: a replica knows of none that it was not told to hold. */
function unlisted({ holding }: Held, address: Hex): CodedError {
  if (holding.isAwaited(address)) {
    const message = `this replica has not fetched ${checksumAddress(address)} yet, which it is to hold`;
    return new CodedError("NOT_HELD", message, { address });
  }
  if (holding.has(address)) return contractNotFound(address);
  const use = `/api/v1/replica/contracts/${address}`;
  const told = `${checksumAddress(address)} is none of the contracts that this replica was told to hold`;
  return new CodedError("NOT_HELD", `${told}: PUT ${use} adds it`, { address, use });
}

/** @throws CodedError `CONTRACT_NOT_FOUND`, `NOT_HELD` */
export function contractOf(engine: Held, { contract }: Pick<Snapshot, "contract">, address: Hex): ContractEntry {
  const entry = contract(address);
  if (entry === undefined) throw unlisted(engine, address);
  return entry;
}

/** In one answer, what is not proven is waited for so long in all, and then left out. */
const UNPROVEN_MS_MAX = 5_000;

type IfProven = <T>(read: () => Promise<T>) => Promise<T | undefined>;

/** Of what a replica holds it shows the rest where something of it is another contract's, and nobody proves that. */
function createIfProven({ now }: Pick<Clock, "now">): IfProven {
  let lostMs = 0;
  return async (read) => {
    if (lostMs >= UNPROVEN_MS_MAX) return undefined;
    const since = now();
    try {
      return await read();
    } catch (error) {
      if (!isCodedError(error, "NOT_HELD")) throw error;
      lostMs += Math.abs(now() - since);
      return undefined;
    }
  };
}

/** ABI of a record, or undefined when there is none or it is malformed: an owner may sign anything. */
export function usableAbi(contents: ContentCache, record: ArtifactRecord): ContractAbi | undefined {
  try {
    return contents.abi(record);
  } catch {
    return undefined;
  }
}

function hasTotalSupply(abi: ContractAbi | undefined): boolean {
  return abi?.functions.some(({ selector, view }) => selector === TOTAL_SUPPLY_SELECTOR && view) === true;
}

function artifactFields(contents: ContentCache, record: ArtifactRecord | undefined): Partial<ContractView> {
  return record === undefined ? {} : { artifact: contents.content(record), artifactUpdatedAt: record.updatedAt };
}

function viewOf(
  contents: ContentCache,
  snapshot: Snapshot,
  entry: ContractEntry,
  record?: ArtifactRecord,
): Omit<ContractView, "checked"> {
  const { address, codeHash } = entry;
  const account = snapshot.account(address);
  if (account === undefined) throw contractNotFound(address);
  const { nonce, balance, storageRoot } = account;
  const state = stateHash({ address, nonce, balance, storageRoot, codeHash });
  const artifactHash = record?.contentHash ?? ZERO_HASH;
  return {
    entry,
    nonce,
    balance,
    storageRoot,
    stateHash: state,
    artifactHash,
    integrityHash: integrityHash(state, artifactHash),
    ...artifactFields(contents, record),
    ...(entry.updated === undefined ? {} : { confirmations: snapshot.head.number - entry.updated.number + 1 }),
  };
}

/** A view whose total supply is still to be asked for. */
interface Draft {
  readonly view: ContractView;
  readonly abi: ContractAbi | undefined;
  readonly contentBytes: number;
  readonly proxy: ProxyPlace | undefined;
}

export function createViews({ engine, clock, instanceId, store, contents }: ViewDeps): Views {
  const totalSupply = async (address: Hex): Promise<string | undefined> => {
    const message = { from: address, to: address, data: hexToBytes(TOTAL_SUPPLY_SELECTOR), value: 0n };
    const outcome = await engine.call({ ...message, gasLimit: TOTAL_SUPPLY_GAS });
    if (outcome.status !== "success" || outcome.output.length !== 32) return undefined;
    return bytesToBigInt(outcome.output).toString();
  };
  const complete = async ({ view, abi: own, proxy: place }: Draft, ifProven: IfProven): Promise<ContractView> => {
    const proxy = place === undefined ? undefined : await ifProven(() => completeProxy(engine, place));
    const behind = proxy === undefined ? undefined : store.visible(proxy.implementation)?.record;
    const abi = joinAbis(own, behind === undefined ? undefined : usableAbi(contents, behind));
    const supply = hasTotalSupply(abi) ? await ifProven(() => totalSupply(view.entry.address)) : undefined;
    return {
      ...view,
      ...(supply !== undefined && { totalSupply: supply }),
      ...(proxy !== undefined && {
        proxy: { ...proxy, ...(behind !== undefined && { artifact: contents.content(behind) }) },
      }),
    };
  };
  const draftOf = (snapshot: Snapshot, entry: ContractEntry): Draft => {
    const record = store.visible(entry.address)?.record;
    const isExecuted = !engine.isReplica && entry.updated !== undefined;
    const view: ContractView = {
      ...viewOf(contents, snapshot, entry, record),
      checked: isExecuted ? "executed" : "proven",
    };
    const proxy = findProxy(snapshot, entry.address);
    if (record === undefined) return { view, abi: undefined, contentBytes: 0, proxy };
    return { view, abi: usableAbi(contents, record), contentBytes: record.content.length, proxy };
  };
  const now = (): Moment => {
    const { number, hash } = engine.head();
    return { instanceId, blockNumber: number, blockHash: hash, sequence: store.summary().sequence };
  };
  /** The moment since which changes are wanted; undefined when it means nothing here, so that everything is. */
  const sinceOf = (text: string | undefined): Moment | undefined => {
    if (text === undefined) return undefined;
    const moment = parseSince(text);
    const known = moment.instanceId === instanceId && engine.isCanonical(moment.blockHash);
    return known ? moment : undefined;
  };
  const matches = (entry: ContractEntry, filter: ContractFilter, since: Moment | undefined): boolean => {
    if (entry.genesis && filter.genesis !== true) return false;
    if (filter.owner !== undefined && entry.owner !== filter.owner) return false;
    // When it changed last may be unknown: then it may have.
    const changed = since === undefined || (entry.updated?.number ?? Number.POSITIVE_INFINITY) > since.blockNumber;
    if (changed && filter.type === undefined && filter.name === undefined) return true;
    const row = store.visible(entry.address);
    if (!changed && (row === undefined || row.sequence <= since.sequence)) return false;
    const labels = row === undefined ? {} : contents.labels(row.record);
    return (
      (filter.type === undefined || labels.contractType === filter.type) &&
      (filter.name === undefined || labels.name === filter.name)
    );
  };
  /** Who asks for an unnamed contract names its address. Where it cannot be written now, the next one does. */
  const noteAddress = (address: Hex): void => {
    const origins = new Map([[keccak256Hex(hexToBytes(address)), { address }]]);
    engine.adoption.name(origins).catch(() => {});
  };

  return {
    async get(address) {
      const draft = withSnapshot(engine, (snapshot) => draftOf(snapshot, contractOf(engine, snapshot, address)));
      if (!isNamed(draft.view.entry)) noteAddress(address);
      return complete(draft, createIfProven(clock));
    },
    async list(filter) {
      const cursor = filter.cursor === undefined ? undefined : parseCursor(filter.cursor);
      const begun = cursor?.begun ?? now();
      const since = sinceOf(filter.since);
      const limit = Math.min(Math.max(1, filter.limit), PAGE_MAX);
      const { items, last } = await scanContracts<Draft>(engine, clock, {
        after: cursor?.after,
        limit,
        wanted: (entry) => matches(entry, filter, since),
        read(snapshot, entry) {
          const draft = draftOf(snapshot, entry);
          return { item: draft, contentBytes: draft.contentBytes };
        },
      });
      const pause = createPatientPacer(clock);
      const ifProven = createIfProven(clock);
      const views: ContractView[] = [];
      for (const draft of items) {
        views.push(await complete(draft, ifProven));
        await pause();
      }
      return {
        contracts: views,
        ...(last !== undefined && { cursor: formatCursor({ after: last, begun }) }),
        since: formatSince(begun),
      };
    },
  };
}
