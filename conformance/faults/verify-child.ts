/**
 * Run as a process of its own on the database file of a node that is gone: checks the whole store and prints what it
 * found as one line of JSON. A damaged file ends this process with a signal, and not the one that asks.
 */

import { bytesToHex } from "@counterpart/core/base/bytes";
import { DEV_GENESIS } from "@counterpart/core/chain/genesis";
import { useCrypto } from "@counterpart/core/crypto/crypto";
import type { StoreReader } from "@counterpart/core/ports/store";
import type { TableName } from "@counterpart/core/ports/tables";
import { verifyStore } from "../../packages/node/src/contracts/verify-store.ts";
import { createNativeCrypto } from "../../packages/node/src/crypto/native.ts";
import { openGenesis } from "../../packages/node/src/engine/open-genesis.ts";
import { numberKey } from "../../packages/node/src/engine/rows.ts";
import { openLmdbStore } from "../../packages/node/src/store/lmdb-store.ts";

import type { Verdict } from "./verify.ts";

const ROWS_MAX = 100_000;

const count = (rows: StoreReader, table: TableName): number => rows.range(table, { limit: ROWS_MAX }).length;

useCrypto(await createNativeCrypto());
const store = openLmdbStore(process.argv[2] ?? "");
const { chainId, signers } = DEV_GENESIS;
const results = verifyStore(store, { chainId, signers, genesisHash: openGenesis(store, DEV_GENESIS) });
const first = store.get("canonical", numberKey(1));
const found: Verdict = {
  examined: results.reduce((total, { examined }) => total + examined, 0),
  faults: results.flatMap(({ name, faults }) =>
    faults.map(({ table, key, message }) => `${name}: ${table} ${key}: ${message}`),
  ),
  first: first === undefined ? null : bytesToHex(first),
  height: count(store, "canonical") - 1,
  staged: count(store, "staging"),
  pending: count(store, "pool"),
  drafts: count(store, "artifactDrafts"),
  side: count(store, "side"),
};
store.close();
process.stdout.write(`${JSON.stringify(found)}\n`);
