/**
 * What a data set holds: contracts that a factory creates, with few codes and uneven sizes, as on chains that are in
 * use. Half of them have no storage; of the others, the contract of rank r has `SLOTS_MAX / r` slots. Codes are as
 * uneven. The rest of the history changes single slots.
 */

import { encodeFunctionData, getContractAddress, type Hex, keccak256, numberToHex, toHex } from "viem";
import { type Compiled, compile, compileRuntime } from "../conformance/network/solidity.ts";
import { tokenTemplate } from "./token-template.ts";

const CODES_MAX = 1_000;
const SLOTS_MAX = 10_000;
/** The most that one transaction may use is 2 ** 24; this leaves room for what is only estimated. */
const GAS_MAX = 14_000_000;
const GAS = { transaction: 60_000, creation: 40_000, codeByte: 216, visit: 12_000, slot: 24_500 };

const SOURCE = `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;
contract Holder {
    mapping(uint256 => uint256) public slots;
    function fill(uint256 first, uint256[] calldata values) external {
        for (uint256 i = 0; i < values.length; i++) slots[first + i] = values[i];
    }
}
contract Factory {
    struct Part { Holder holder; uint256 first; uint256[] values; }
    function create(bytes memory creation, uint256 count) external {
        for (uint256 i = 0; i < count; i++) {
            address made;
            assembly { made := create(0, add(creation, 32), mload(creation)) }
            require(made != address(0));
        }
    }
    function fill(Part[] calldata parts) external {
        for (uint256 i = 0; i < parts.length; i++) parts[i].holder.fill(parts[i].first, parts[i].values);
    }
}`;

/** A call of the factory. */
export interface Call {
  readonly data: Hex;
  /** An estimate from above. */
  readonly gas: number;
}

interface Part {
  readonly holder: Hex;
  readonly first: bigint;
  readonly values: readonly bigint[];
}

export interface Plan {
  /** Creates the factory. */
  readonly creation: Hex;
  /** In the order of their creation. */
  readonly holders: readonly Hex[];
  /** What makes the state, in order. */
  calls(): readonly Call[];
  /** Changes one slot of each contract in the list to a value that depends on the seed. */
  change(holders: readonly Hex[], seed: number): Call;
  /** The contract that the n-th change of the history is made to: of those with storage, each in its turn. */
  changed(n: number): Hex;
}

const slotsOf = (index: number): number => (index % 2 === 1 ? 0 : Math.floor(SLOTS_MAX / (index / 2 + 1)));

/**
 * The holder's code, a number that makes it another one, and some of a real contract's code, which compresses as such
 * code does; behind what is run.
 */
function codeOf(number: number, runtime: Hex): Hex {
  const filling = tokenTemplate.bytecode.slice(2);
  const length = Math.floor(filling.length / 2 / (number + 1)) * 2;
  return `${runtime}fe${numberToHex(number, { size: 2 }).slice(2)}${filling.slice(0, length)}`;
}

/** PUSH2 length DUP1 PUSH1 10 PUSH0 CODECOPY PUSH0 RETURN, and the code. */
const creationOf = (code: Hex): Hex =>
  `0x61${numberToHex((code.length - 2) / 2, { size: 2 }).slice(2)}80600a5f395ff3${code.slice(2)}`;

function creations(factory: Compiled, runtime: Hex, holders: number): Call[] {
  const calls: Call[] = [];
  const codes = Math.min(CODES_MAX, holders);
  for (let number = 0; number < codes; number++) {
    const code = codeOf(number, runtime);
    const gasEach = GAS.creation + (GAS.codeByte * code.length) / 2;
    const atOnce = Math.floor((GAS_MAX - GAS.transaction) / gasEach);
    let left = Math.floor((holders * (number + 1)) / codes) - Math.floor((holders * number) / codes);
    for (; left > 0; left -= atOnce) {
      const count = Math.min(left, atOnce);
      const args = [creationOf(code), BigInt(count)];
      const data = encodeFunctionData({ abi: factory.abi, functionName: "create", args });
      calls.push({ data, gas: GAS.transaction + count * gasEach });
    }
  }
  return calls;
}

/** Each slot's value comes with the transaction, in 12 bytes that do not compress: as with balances. */
function partOf(holder: Hex, first: number, count: number, seed: number): Part {
  const contentOf = (slot: number): bigint => BigInt(keccak256(toHex(`${holder} ${slot} ${seed}`)).slice(0, 26));
  return { holder, first: BigInt(first), values: Array.from({ length: count }, (_, n) => contentOf(first + n)) };
}

function fillCall(factory: Compiled, parts: readonly Part[]): Call {
  const slots = parts.reduce((sum, { values }) => sum + values.length, 0);
  const data = encodeFunctionData({ abi: factory.abi, functionName: "fill", args: [parts] });
  return { data, gas: GAS.transaction + parts.length * GAS.visit + slots * GAS.slot };
}

function fills(factory: Compiled, holders: readonly Hex[]): Call[] {
  const calls: Call[] = [];
  let parts: Part[] = [];
  let gasLeft = GAS_MAX - GAS.transaction;
  const close = (): void => {
    if (parts.length > 0) calls.push(fillCall(factory, parts));
    [parts, gasLeft] = [[], GAS_MAX - GAS.transaction];
  };
  for (const [index, holder] of holders.entries()) {
    for (let first = 0, left = slotsOf(index); left > 0; ) {
      if (gasLeft < GAS.visit + GAS.slot) close();
      const count = Math.min(left, Math.floor((gasLeft - GAS.visit) / GAS.slot));
      parts.push(partOf(holder, first, count, 0));
      gasLeft -= GAS.visit + count * GAS.slot;
      [first, left] = [first + count, left - count];
    }
  }
  close();
  return calls;
}

/**
 * @param contracts how many there are in the end, the factory among them
 * @param address of the factory
 */
export function planDataset(contracts: number, address: Hex): Plan {
  const [factory, runtime] = [compile("Factory", SOURCE), compileRuntime("Holder", SOURCE)];
  const holders = Array.from(
    { length: contracts - 1 },
    (_, index) => getContractAddress({ from: address, nonce: BigInt(index + 1) }).toLowerCase() as Hex,
  );
  const filled = holders.filter((_, index) => slotsOf(index) > 0);
  return {
    creation: factory.bytecode,
    holders,
    calls: () => [...creations(factory, runtime, holders.length), ...fills(factory, holders)],
    change(chosen, seed) {
      const parts = chosen.map((holder) => partOf(holder, 0, 1, seed));
      return fillCall(factory, parts);
    },
    changed: (n) => filled[n % filled.length] as Hex,
  };
}
