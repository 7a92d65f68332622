/** The canonical chain and the blocks beside it, from their rows alone. */

import { bytesToBigInt, bytesToHex, EMPTY_BYTES, equalBytes, hexToBytes } from "@counterpart/core/base/bytes";
import { countStoredTransactions } from "@counterpart/core/chain/any-block";
import { type AnySealedHeader, decodeAnyHeader } from "@counterpart/core/chain/any-header";
import { decodeAnyReceipts, logsBloom, receiptsRoot } from "@counterpart/core/chain/receipt";
import { asList, decodeRlp } from "@counterpart/core/codec/rlp";
import type { StoreReader } from "@counterpart/core/ports/store";
import { rowsOf } from "../paging.ts";
import { decodePrevious, encodeLocation, metaKey, numberKey } from "../rows.ts";
import { type BlockChecks, blockChecks, type CheckedTransaction } from "./block-checks.ts";
import { type ChainFacts, faultAt, faultOf, type StoreFault } from "./check.ts";
import { headBranch, isCanonical, need, readHeader, readOwnBranch } from "./head-branch.ts";
import { readHeld } from "./held.ts";

const BODY_LIMITS = { depthMax: 3, itemsMax: 200_000 };

/** Undefined where there is no such header: that is for another check to say. */
function headerNumber(rows: StoreReader, hash: Uint8Array): number | undefined {
  const row = rows.get("headers", hash);
  return row === undefined ? undefined : decodeAnyHeader(row).number;
}

const readBody = (rows: StoreReader, header: AnySealedHeader, checks: BlockChecks): readonly CheckedTransaction[] =>
  checks.body(header, need(rows, "bodies", hexToBytes(header.hash), "the body"));

function checkReceipts(rows: StoreReader, header: AnySealedHeader, count: number): string | undefined {
  const receipts = decodeAnyReceipts(need(rows, "receipts", hexToBytes(header.hash), "the row of receipts"));
  if (receipts.length !== count) return `${receipts.length} receipts for ${count} transactions`;
  if (receiptsRoot(receipts) !== header.receiptsRoot) return "the receipts are not the header's";
  const bloom = logsBloom(receipts.flatMap(({ logs }) => logs));
  if (!equalBytes(bloom, header.logsBloom)) return "the logs are not in the header's bloom";
  const gasUsed = receipts.at(-1)?.cumulativeGasUsed ?? 0;
  return gasUsed === header.gasUsed ? undefined : "the receipts use other gas than the header says";
}

function checkLocations(rows: StoreReader, header: AnySealedHeader, transactions: readonly CheckedTransaction[]) {
  const wrong = transactions.find(({ hash }, index) => {
    const row = rows.get("transactions", hexToBytes(hash));
    return row === undefined || !equalBytes(row, encodeLocation(header.hash, index));
  });
  return wrong === undefined ? undefined : `transaction ${wrong.hash} is not found where it is`;
}

/** Previous values are there for every block but the genesis; whether they are right shows when they are used. */
function checkChanges(rows: StoreReader, { number }: AnySealedHeader): void {
  if (number > 0) decodePrevious(need(rows, "changes", numberKey(number), "the row of previous values"));
}

/** The head is where the canonical chain ends; where that leads on, the head is held with all that leads to it. */
function checkHead(rows: StoreReader, end: AnySealedHeader | undefined): string | undefined {
  const hash = rows.get("meta", metaKey("head"));
  if (hash !== undefined && end?.hash === bytesToHex(hash)) return undefined;
  if (hash === undefined || !readHeld(rows).leadsOn) return "the head is not the last block of the canonical chain";
  for (const _ of headBranch(rows));
  return undefined;
}

/** Blocks of the canonical chain, from the genesis to the head, and the headers that lead on. */
export function* checkCanonical(rows: StoreReader, chain: ChainFacts): Generator<StoreFault | undefined> {
  const { role, adopted } = readHeld(rows);
  const head = rows.get("meta", metaKey("head"));
  const executed = head === undefined ? 0 : (headerNumber(rows, head) ?? 0);
  const checks = blockChecks(rows, chain);
  let parent: AnySealedHeader | undefined;
  const examine = (number: number, hash: Uint8Array): string | undefined => {
    const header = readHeader(rows, hash);
    if (header.number !== number) return `the header says number ${header.number}`;
    if (number === 0 && header.hash !== chain.genesisHash) return "the genesis is another";
    checks.header(header, parent);
    parent = header;
    if (number > 0 && (role !== "full" || number <= adopted || number > executed)) return undefined;
    const transactions = readBody(rows, header, checks);
    checkChanges(rows, header);
    return checkReceipts(rows, header, transactions.length) ?? checkLocations(rows, header, transactions);
  };
  let next = 0;
  for (const { key, value } of rowsOf(rows, "canonical")) {
    const number = Number(bytesToBigInt(key));
    yield number === next ? undefined : faultAt("canonical", key, `block ${next} is missing before it`);
    next = number + 1;
    yield faultOf("canonical", key, () => examine(number, value));
  }
  yield faultOf("meta", metaKey("head"), () => checkHead(rows, parent));
  yield faultOf("meta", metaKey("difficulty"), () => checks.end(rows));
}

/** Blocks beside the chain: whole, and with a parent that is held. */
export function* checkSide(rows: StoreReader, chain: ChainFacts): Generator<StoreFault | undefined> {
  const checks = blockChecks(rows, chain);
  for (const { key, value } of rowsOf(rows, "side")) {
    yield faultOf("side", key, () => {
      const header = readHeader(rows, key);
      if (header.number !== Number(bytesToBigInt(value))) return "the header has another number";
      if (isCanonical(rows, header)) return "the block is on the canonical chain";
      readBody(rows, header, checks);
      return rows.get("headers", hexToBytes(header.parentHash)) === undefined ? "its parent is not held" : undefined;
    });
  }
}

/** Rows by block hash that belong to no block. */
export function* checkBlockRows(rows: StoreReader): Generator<StoreFault | undefined> {
  const { own, broken } = readOwnBranch(rows);
  if (broken !== undefined) yield broken;
  for (const table of ["headers", "bodies", "receipts"] as const) {
    for (const { key } of rowsOf(rows, table)) {
      yield faultOf(table, key, () => {
        const header = readHeader(rows, key);
        const held =
          isCanonical(rows, header) ||
          own.has(header.hash) ||
          (table !== "receipts" && rows.get("side", key) !== undefined);
        return held ? undefined : "it belongs to no block that is held";
      });
    }
  }
}

/**
 * Rows by number or transaction that belong to no canonical block. As every transaction of the chain has its row
 * (`checkCanonical`), there is none too many when there are as many rows as transactions.
 */
export function* checkIndexes(rows: StoreReader, { schedule }: ChainFacts): Generator<StoreFault | undefined> {
  for (const { key } of rowsOf(rows, "changes")) {
    const known = rows.get("canonical", key) !== undefined;
    yield known ? undefined : faultAt("changes", key, "previous values of a block that is not on the chain");
  }
  let located = 0;
  for (const { key, value } of rowsOf(rows, "transactions")) {
    located++;
    yield faultOf("transactions", key, () =>
      isCanonical(rows, readHeader(rows, value.subarray(0, 32)))
        ? undefined
        : "its block is not on the canonical chain",
    );
  }
  const count = (body: Uint8Array): number =>
    schedule === undefined ? asList(decodeRlp(body, BODY_LIMITS), "body").length : countStoredTransactions(body);
  let included = 0;
  for (const { value } of rowsOf(rows, "canonical")) {
    const body = rows.get("bodies", value);
    if (body !== undefined) included += count(body);
    yield undefined;
  }
  const message = `${located} transactions are indexed, and ${included} are on the chain`;
  yield located === included ? undefined : faultAt("transactions", EMPTY_BYTES, message);
}
