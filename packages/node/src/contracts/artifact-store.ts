/**
 * Which artifact a contract has. Records merge in a total order; a record is visible only while its contract is at the
 * head with the code and the owner that it speaks of, so what two nodes with the same head and the same records show is
 * the same.
 */

import { bigIntToBytes, bytesToBigInt, bytesToHex, type Hex, hexToBytes, leftPad } from "@counterpart/core/base/bytes";
import { isCodedError } from "@counterpart/core/base/errors";
import { artifactRecordHash, compareArtifacts, verifyArtifact } from "@counterpart/core/sync/artifact";
import type { ArtifactRecord, ArtifactsSummary } from "@counterpart/core/sync/artifact-types";
import type { ChainEngine, ContractEntry, Snapshot } from "../engine/types.ts";
import { isNamed } from "../engine/unnamed.ts";
import { withSnapshot } from "../engine/with-snapshot.ts";
import { type ArtifactRow, type ArtifactTable, ROWS_PER_ADDRESS_MAX } from "./artifact-table.ts";
import type { ArtifactChange, MergeOutcome } from "./types.ts";

/** Rows that one write of a check of all changes at most, and rows read at a time. */
const PAGE = 256;

export interface Merged {
  readonly outcome: MergeOutcome;
  /** Why a record was refused. */
  readonly reason?: string;
}

export interface ArtifactStore {
  /**
   * Takes a record in when it is valid, newer than what is held, and its contract is at the head.
   * @param draftOf hash of the creating transaction whose draft goes in the same write
   */
  merge(record: ArtifactRecord, draftOf?: Hex): Merged;
  visible(address: Hex): ArtifactRow | undefined;
  /** Every record held of a contract, for whatever code and owner it had. */
  held(address: Hex): readonly ArtifactRow[];
  summary(): ArtifactsSummary;
  since(sequence: number, limit: number): readonly ArtifactChange[];
  /**
   * Shows and hides the records of contracts that may have come, gone or changed their code.
   * @throws CodedError `STORE_WRITE_FAILED`; all of it may be repeated then
   */
  review(addresses: readonly Hex[]): void;
  /** Addresses of all records held, a page at a time. */
  pages(): Iterable<readonly Hex[]>;
}

interface ArtifactEngine extends Pick<ChainEngine, "chainId" | "genesisHash" | "snapshot"> {
  readonly adoption: Pick<ChainEngine["adoption"], "isUnderway">;
}

type Claim = Pick<ArtifactRow, "record" | "owner" | "creationTransaction">;

/**
 * Whether the contract was created by the transaction that had created it when the record came. Another one with the same
 * nonce may have given the same code at the same address, as those of all tokens from the template do; what the first was
 * called says nothing of it. Who took a state over knows no such transactions.
 */
const isOfCreation = (entry: ContractEntry, { creationTransaction: created }: Claim): boolean =>
  created === undefined || entry.creationTransaction === undefined || created === entry.creationTransaction;

/** Whether a record is about this contract. */
export function speaksOf(entry: ContractEntry | undefined, claim: Claim): boolean {
  const { record, owner } = claim;
  return (
    entry !== undefined &&
    entry.codeHash === record.codeHash &&
    entry.owner === owner &&
    entry.creationNonce === record.creationNonce &&
    isOfCreation(entry, claim)
  );
}

/** Whether it can be said of a record if it is good: not before the contract is there, and its owner known. */
const canJudge = (entry: ContractEntry | undefined, { codeHash }: ArtifactRecord): entry is ContractEntry =>
  entry !== undefined && entry.codeHash === codeHash && isNamed(entry);

/** Opens the store: records whose visibility the last run did not write down are brought in step with the head. */
export function createArtifactStore(table: ArtifactTable, engine: ArtifactEngine): ArtifactStore {
  const state = { count: 0, digest: 0n, sequence: table.lastSequence() };

  const count = (row: ArtifactRow, sign: 1 | -1): void => {
    if (!row.visible) return;
    state.count += sign;
    state.digest ^= bytesToBigInt(hexToBytes(row.recordHash));
  };
  /** Rows with another visibility; those that appear get a new place in the feed, so that peers see them. */
  const revise = (
    rows: readonly ArtifactRow[],
    { contract }: Pick<Snapshot, "contract">,
  ): { readonly before: ArtifactRow; readonly after: ArtifactRow }[] => {
    let sequence = state.sequence;
    return rows.flatMap((before) => {
      const visible = speaksOf(contract(before.record.address), before);
      if (visible === before.visible) return [];
      return [{ before, after: { ...before, visible, sequence: visible ? ++sequence : before.sequence } }];
    });
  };
  const apply = (changes: ReturnType<typeof revise>): void => {
    if (changes.length === 0) return;
    table.write({ put: changes.map(({ after }) => after) });
    for (const { before, after } of changes) {
      count(before, -1);
      count(after, 1);
      state.sequence = Math.max(state.sequence, after.sequence);
    }
  };
  const rowPages = function* (): Iterable<readonly ArtifactRow[]> {
    let last: ArtifactRow | undefined;
    do {
      const rows = table.page(last, PAGE);
      last = rows.at(-1);
      yield rows;
    } while (last !== undefined);
  };
  const open = (): void => {
    for (const rows of rowPages()) {
      for (const row of rows) count(row, 1);
      // Of a state that is being taken over nothing can be said: they are reviewed once it is there.
      if (!engine.adoption.isUnderway) apply(withSnapshot(engine, (snapshot) => revise(rows, snapshot)));
    }
  };
  open();

  /** Room for one more row of an address: the hidden rows that were visible longest ago go. */
  const crowdedOut = (address: Hex): readonly ArtifactRow[] => {
    const rows = table.of(address);
    const hidden = rows.filter(({ visible }) => !visible).sort((a, b) => a.sequence - b.sequence);
    return hidden.slice(0, Math.max(0, rows.length + 1 - ROWS_PER_ADDRESS_MAX));
  };
  const put = (row: ArtifactRow, replaced: ArtifactRow | undefined, draftOf: Hex | undefined): void => {
    table.write({
      put: [row],
      remove: replaced === undefined ? crowdedOut(row.record.address) : [],
      removeDrafts: draftOf === undefined ? [] : [draftOf],
    });
    if (replaced !== undefined) count(replaced, -1);
    count(row, 1);
    state.sequence = row.sequence;
  };
  const problemOf = (record: ArtifactRecord, owner: Hex): string | undefined => {
    try {
      verifyArtifact(record, engine, owner);
      return undefined;
    } catch (error) {
      if (isCodedError(error, "INVALID_ARTIFACT")) return error.message;
      throw error;
    }
  };

  return {
    merge(record, draftOf) {
      const entry = withSnapshot(engine, ({ contract }) => contract(record.address));
      if (!canJudge(entry, record)) return { outcome: "unknown-contract" };
      const { owner } = entry;
      if (owner === undefined) return { outcome: "refused", reason: "a contract of the genesis has no owner" };
      if (entry.creationNonce !== record.creationNonce) {
        return { outcome: "refused", reason: "its creation nonce is not the one that created the contract" };
      }
      const place = table.get(record.address, record.codeHash, owner);
      const held = place !== undefined && isOfCreation(entry, place) ? place : undefined;
      const recordHash = artifactRecordHash(record);
      if (held?.recordHash === recordHash) return { outcome: "equal" };
      const reason = problemOf(record, owner);
      if (reason !== undefined) return { outcome: "refused", reason };
      if (held !== undefined && compareArtifacts(record, held.record) < 0) return { outcome: "older" };
      const { creationTransaction } = entry;
      const created = creationTransaction === undefined ? {} : { creationTransaction };
      put({ record, recordHash, owner, sequence: state.sequence + 1, visible: true, ...created }, place, draftOf);
      return { outcome: held === undefined ? "added" : "replaced" };
    },
    visible: (address) => table.of(address).find(({ visible }) => visible),
    held: (address) => table.of(address),
    summary: () => ({
      count: state.count,
      digest: bytesToHex(leftPad(bigIntToBytes(state.digest), 32)),
      sequence: state.sequence,
    }),
    since(sequence, limit) {
      const changes: ArtifactChange[] = [];
      let from = sequence;
      while (changes.length < limit) {
        const rows = table.feed(from, Math.min(limit, PAGE));
        const last = rows.at(-1);
        if (last === undefined) break;
        from = last.sequence;
        for (const row of rows) if (row.visible) changes.push({ sequence: row.sequence, record: row.record });
      }
      return changes.slice(0, limit);
    },
    review(addresses) {
      const rows = [...new Set(addresses)].flatMap((address) => table.of(address));
      if (rows.length > 0) apply(withSnapshot(engine, (snapshot) => revise(rows, snapshot)));
    },
    *pages() {
      for (const rows of rowPages()) yield rows.map(({ record }) => record.address);
    },
  };
}
