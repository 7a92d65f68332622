/**
 * `node accounts-child.ts <folder> <accounts>`: makes a state with so many accounts, pays into accounts from all over it,
 * and prints what a payment takes, durable blocks included, and the memory of the process.
 */

import { join } from "node:path";
import type { Hex } from "@counterpart/core/base/bytes";
import { createAddress } from "@counterpart/core/chain/address";
import { encodeFunctionData, parseAbi } from "viem";
import { compile } from "../conformance/network/solidity.ts";
import { openSealing } from "./sealing.ts";

const FUNDS = 10n ** 30n;
/** As many as a transaction has gas for, with room. */
const CREATED_AT_ONCE = 400;
const CALLS_AT_ONCE = 50;
const PAYMENTS = 1_000;
const ROUNDS = 10;
const WARM_UP = 3;
/** Spreads payments over all accounts. */
const STEP = 7_919;

const SOURCE = `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;
contract Maker {
    function make(uint256 count) external {
        for (uint256 i = 0; i < count; i++) assembly { pop(create(0, 0, 0)) }
    }
}`;
const ABI = parseAbi(["function make(uint256 count)"]);

const [folder = "", wanted = "0"] = process.argv.slice(2);
const accounts = Number(wanted);
const sealing = await openSealing(join(folder, "data"), join(folder, "genesis.json"), FUNDS);
const maker = createAddress(sealing.account, 0n);
await sealing.seal([{ data: compile("Maker", SOURCE).bytecode }]);
for (let made = 0; made < accounts; ) {
  const calls: { to: Hex; data: Hex }[] = [];
  for (; calls.length < CALLS_AT_ONCE && made < accounts; ) {
    const count = Math.min(CREATED_AT_ONCE, accounts - made);
    calls.push({ to: maker, data: encodeFunctionData({ abi: ABI, functionName: "make", args: [BigInt(count)] }) });
    made += count;
  }
  await sealing.seal(calls);
}
const seconds: number[] = [];
for (let round = -WARM_UP; round < ROUNDS; round++) {
  const payments = Array.from({ length: PAYMENTS }, (_, n) => {
    const index = ((round + WARM_UP) * PAYMENTS + n) * STEP;
    return { to: createAddress(maker, BigInt((index % accounts) + 1)), data: "0x" as Hex, value: 1n };
  });
  const start = performance.now();
  await sealing.seal(payments);
  if (round >= 0) seconds.push((performance.now() - start) / 1_000);
}
const { rss, heapUsed } = process.memoryUsage();
await sealing.stop();
seconds.sort((a, b) => a - b);
const median = seconds[Math.floor(seconds.length / 2)] ?? 0;
console.log(JSON.stringify({ microseconds: (median / PAYMENTS) * 1e6, rss, heapUsed }));
