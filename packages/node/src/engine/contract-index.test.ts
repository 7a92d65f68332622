import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { createAddress } from "@counterpart/core/chain/address";
import type { Genesis } from "@counterpart/core/chain/genesis";
import { keccak256Hex } from "@counterpart/core/crypto/crypto";
import { createMemoryStore } from "../store/memory-store.ts";
import {
  accountOf,
  chainOf,
  creationOf,
  openTestEngine,
  sealAll,
  TEST_GENESIS,
  transactionOf,
} from "./engine.test-support.ts";
import type { Engine } from "./types.ts";
import { withSnapshot } from "./with-snapshot.ts";

/** Leaves one byte of code. */
const INITCODE = hexToBytes("0x60fe5f5360015ff3");
/** Creates a contract from that on every call. */
const FACTORY_CODE = hexToBytes("0x6760fe5f5360015ff35f52600860185ff05000");
const FACTORY: Hex = `0x${"fa".repeat(20)}`;
const GENESIS: Genesis = {
  ...TEST_GENESIS,
  alloc: new Map([
    ...TEST_GENESIS.alloc,
    [FACTORY, { balance: 0n, nonce: 1n, code: FACTORY_CODE, storage: new Map() }],
  ]),
};

const hashed = (address: Hex): Hex => keccak256Hex(hexToBytes(address));
const found = (engine: Engine, address: Hex) =>
  withSnapshot(engine, ({ hashedContract }) => hashedContract(hashed(address)));

describe("contracts by the hashes of their addresses", () => {
  test("are found with their origin, whoever created them", async () => {
    const engine = openTestEngine({ genesis: GENESIS });
    await sealAll(engine, [creationOf(1, 0, INITCODE), transactionOf(2, 0, { to: FACTORY, value: 0n })]);
    const originOf = (address: Hex) => {
      const { owner, creationNonce, genesis } = found(engine, address) ?? assert.fail(`${address} is not found`);
      return { owner, creationNonce, genesis };
    };
    const own = createAddress(accountOf(1), 0n);
    assert.deepEqual(originOf(own), { owner: accountOf(1), creationNonce: 0n, genesis: false });
    const child = createAddress(FACTORY, 1n);
    assert.deepEqual(originOf(child), { owner: accountOf(2), creationNonce: undefined, genesis: false });
    assert.deepEqual(originOf(FACTORY), { owner: undefined, creationNonce: undefined, genesis: true });
  });

  test("are not found where there is no contract", async () => {
    const engine = openTestEngine({ genesis: GENESIS });
    await sealAll(engine, [transactionOf(1, 0)]);
    for (const address of [accountOf(1), createAddress(accountOf(1), 0n)]) {
      assert.equal(found(engine, address), undefined, address);
    }
  });

  test("are gone with a reorganisation, their addresses are not, and they may come back", async () => {
    const store = createMemoryStore();
    const engine = openTestEngine({ store, genesis: GENESIS });
    const other = openTestEngine({ genesis: GENESIS, sealer: 101 });
    const address = createAddress(accountOf(1), 0n);
    /** How many there are, and how many after a restart. */
    const counts = () => [engine, openTestEngine({ store, genesis: GENESIS })].map((each) => each.contractCount());
    const [before] = counts() as [number, number];
    await sealAll(engine, [creationOf(1, 0, INITCODE)]);
    assert.deepEqual(counts(), [before + 1, before + 1]);
    for (let nonce = 0; nonce < 3; nonce++) await sealAll(other, [transactionOf(2, nonce)]);
    await engine.import(chainOf(other));
    assert.equal(found(engine, address), undefined);
    assert.deepEqual(counts(), [before, before]);
    const row = store.get("preimages", hexToBytes(hashed(address)));
    assert.equal(row && bytesToHex(row), address);
    // The creation waits in the pool again.
    await sealAll(engine, []);
    assert.equal(found(engine, address)?.created?.number, 4);
  });
});
