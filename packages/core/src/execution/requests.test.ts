import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Hex, hexToBytes } from "../base/bytes.ts";
import { ZERO_ADDRESS, ZERO_HASH } from "../chain/header.ts";
import { SYSTEM_ADDRESS } from "../chain/system-contracts.ts";
import { keccak256Hex } from "../crypto/crypto.ts";
import { createExecutor } from "./executor.ts";
import { createMemoryState } from "./memory-state.test-support.ts";

const CONTRACT: Hex = `0x${"aa".repeat(20)}`;
const CONTEXT = {
  number: 1,
  timestamp: 1,
  coinbase: ZERO_ADDRESS,
  gasLimit: 30_000_000,
  baseFeePerGas: 0n,
  prevRandao: ZERO_HASH,
  parentHash: ZERO_HASH,
  parentBeaconBlockRoot: ZERO_HASH,
  blockHash: () => undefined,
};

async function requestsOf(code: string) {
  const state = createMemoryState();
  const bytes = hexToBytes(code);
  const account = { nonce: 1n, balance: 0n, codeHash: keccak256Hex(bytes) };
  state.apply({
    accounts: new Map([[CONTRACT, account]]),
    storage: new Map(),
    codes: new Map([[account.codeHash, bytes]]),
  });
  const block = await createExecutor({ chainId: 7, fork: "prague" }).begin(CONTEXT, state);
  return { output: await block.requests(CONTRACT), changes: block.finish() };
}

describe("requests at a block's end", () => {
  it("are what the contract answers the system's account, and what it stores stays", async () => {
    // SSTORE(0, 1); MSTORE(0, CALLER); RETURN(0, 32)
    const { output, changes } = await requestsOf("0x60015f55335f5260205ff3");
    assert.deepEqual(output, hexToBytes(`0x${SYSTEM_ADDRESS.slice(2).padStart(64, "0")}`));
    assert.equal(changes.storage.get(CONTRACT)?.get(ZERO_HASH), 1n);
    assert.equal(changes.accounts.has(SYSTEM_ADDRESS), false);
  });

  it("are none where the call fails, and it leaves nothing behind", async () => {
    // SSTORE(0, 1); REVERT(0, 0)
    const { output, changes } = await requestsOf("0x60015f555f5ffd");
    assert.equal(output, undefined);
    assert.equal(changes.storage.size, 0);
  });

  it("are none where there is no contract", async () => {
    const block = await createExecutor({ chainId: 7, fork: "prague" }).begin(CONTEXT, createMemoryState());
    assert.equal(await block.requests(CONTRACT), undefined);
    assert.equal(block.finish().accounts.size, 0);
  });
});
