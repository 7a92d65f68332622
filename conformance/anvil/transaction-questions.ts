/** Questions on transactions and opcodes: EIP-2935, 7623, 7702, 7825 and 7939. */

import { concatBytes, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { createAddress } from "@counterpart/core/chain/address";
import { ZERO_ADDRESS } from "@counterpart/core/chain/header";
import { HISTORY_ADDRESS, HISTORY_CODE } from "@counterpart/core/chain/system-contracts";
import type { Authorization } from "@counterpart/core/chain/types";
import { SECP256K1_ORDER } from "@counterpart/core/crypto/crypto";
import { FORWARD, initcode, returning, STORE } from "../../packages/core/src/execution/fixtures.test-support.ts";
import {
  account,
  ask,
  authorization,
  contract,
  designator,
  ETHER,
  KNOWN,
  OTHER,
  PROBE,
  SENDER,
  signed,
  TARGET,
  THIRD,
  UNKNOWN,
  USED,
  words,
} from "./parts.ts";
import type { Question, VectorState } from "./vector.ts";

function countings(): Question[] {
  const code = returning("PUSH0 CALLDATALOAD 0x1e");
  const at = (fork: Question["fork"], runs: Uint8Array | string = code) =>
    ask(7939, fork, { [TARGET]: contract(runs) });
  const counted = [0n, 1n, 2n, 3n, 255n, 2n ** 31n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 64n, 2n ** 127n];
  const large = [2n ** 128n - 1n, 2n ** 128n, 2n ** 254n, 2n ** 255n - 1n, 2n ** 255n, 2n ** 256n - 1n];
  return [
    ...[...counted, ...large].map((value) =>
      at("osaka")(`leading zeros of 0x${value.toString(16)}`, signed({ data: words(value) })),
    ),
    at("osaka", "0x1e")("leading zeros of nothing", signed()),
    at("osaka", "PUSH0 0x1e 0x1e PUSH0 SSTORE STOP")("leading zeros of leading zeros", signed()),
    // 21,000 and 2 for PUSH0, 5 for CLZ.
    at("osaka", "PUSH0 0x1e STOP")("with the gas that it costs", signed({ gasLimit: 21_007n })),
    at("osaka", "PUSH0 0x1e STOP")("with one gas less", signed({ gasLimit: 21_006n })),
    at("prague")("before Osaka", signed({ data: words(1n) })),
  ];
}

function gasLimits(): Question[] {
  const spend = "JUMPDEST PUSH0 JUMP";
  const most = 2n ** 24n;
  const at = (fork: Question["fork"]) => ask(7825, fork, { [TARGET]: contract(spend) });
  return [
    at("osaka")("a gas limit of 2^24", signed({ gasLimit: most })),
    at("osaka")("a gas limit of 2^24 - 1", signed({ gasLimit: most - 1n })),
    at("osaka")("a gas limit of 2^24 + 1", signed({ gasLimit: most + 1n })),
    at("osaka")("a legacy transaction with a gas limit of 2^24 + 1", signed({ type: 0, gasLimit: most + 1n })),
    at("prague")("a gas limit of 2^24 + 1 before Osaka", signed({ gasLimit: most + 1n })),
  ];
}

function floors(): Question[] {
  const zeros = new Uint8Array(1_000);
  const ones = new Uint8Array(1_000).fill(1);
  const clear = "PUSH0 PUSH0 SSTORE PUSH0 PUSH1 0x01 SSTORE PUSH0 PUSH1 0x02 SSTORE STOP";
  const state: VectorState = { [TARGET]: contract("STOP"), [OTHER]: contract(clear, { 0: 1, 1: 1, 2: 1 }) };
  const at = (fork: Question["fork"]) => ask(7623, fork, state);
  const osaka = at("osaka");
  const code = initcode(new Uint8Array(600).fill(0xfe));
  return [
    osaka("calldata of zeros", signed({ data: zeros })),
    osaka("calldata without zeros", signed({ data: ones })),
    osaka("one byte", signed({ data: Uint8Array.of(7) })),
    osaka("a gas limit at the floor", signed({ data: ones, gasLimit: 61_000n })),
    osaka("a gas limit below the floor", signed({ data: ones, gasLimit: 60_999n })),
    osaka("zeros and a gas limit at the floor", signed({ data: zeros, gasLimit: 31_000n })),
    osaka("zeros and a gas limit below the floor", signed({ data: zeros, gasLimit: 30_999n })),
    osaka("an execution that costs more than the floor", signed({ to: OTHER, data: Uint8Array.of(1, 0, 1) })),
    osaka("a refund that ends at the floor", signed({ to: OTHER, data: ones.subarray(0, 500) })),
    osaka("a transfer with calldata", signed({ to: THIRD, value: 5n, data: ones })),
    osaka("a creation", signed({ to: undefined, data: code })),
    osaka("a creation with a gas limit below the floor", signed({ to: undefined, data: ones, gasLimit: 60_000n })),
    osaka("an access list beside calldata", signed({ data: ones, accessList: [{ address: OTHER, storageKeys: [] }] })),
    at("prague")("calldata in Prague", signed({ data: ones })),
    at("cancun")("calldata before Prague", signed({ data: ones })),
    at("cancun")("a gas limit below the floor before Prague", signed({ data: ones, gasLimit: 60_999n })),
  ];
}

/** slot 0: size of the code of calldata[0]; 1: its hash; 2: its first word. */
const INSPECT =
  "PUSH0 CALLDATALOAD EXTCODESIZE PUSH0 SSTORE PUSH0 CALLDATALOAD EXTCODEHASH PUSH1 0x01 SSTORE " +
  "PUSH1 0x20 PUSH0 PUSH0 PUSH0 CALLDATALOAD 0x3c PUSH0 MLOAD PUSH1 0x02 SSTORE STOP";

const STATE_7702: VectorState = {
  [KNOWN.address]: account({ balance: ETHER }),
  [USED.address]: account({ balance: ETHER, nonce: 7 }),
  [TARGET]: contract(STORE),
  [OTHER]: contract(INSPECT),
  [THIRD]: contract(FORWARD),
};

const delegating = (list: readonly Authorization[], parts: Parameters<typeof signed>[0] = {}): Hex =>
  signed({ type: 4, authorizationList: list, to: KNOWN.address, data: words(1n, 2n, 0n), ...parts });

function authorizations(): Question[] {
  const osaka = ask(7702, "osaka", STATE_7702);
  const good = authorization(KNOWN, TARGET);
  const own = authorization(SENDER, TARGET, { nonce: 1n });
  return [
    osaka("an account that exists", delegating([good])),
    osaka("an account that does not", delegating([authorization(UNKNOWN, TARGET)], { to: UNKNOWN.address })),
    osaka("for every chain", delegating([authorization(KNOWN, TARGET, { chainId: 0n })])),
    osaka("for another chain", delegating([authorization(KNOWN, TARGET, { chainId: 5n })])),
    osaka("with a nonce that is too high", delegating([authorization(KNOWN, TARGET, { nonce: 1n })])),
    osaka(
      "with a nonce that is too low",
      delegating([authorization(USED, TARGET, { nonce: 6n })], { to: USED.address }),
    ),
    osaka(
      "with the nonce of an account that was used",
      delegating([authorization(USED, TARGET, { nonce: 7n })], { to: USED.address }),
    ),
    osaka("with the greatest nonce", delegating([authorization(KNOWN, TARGET, { nonce: 2n ** 64n - 1n })])),
    osaka("with a high s", delegating([{ ...good, s: SECP256K1_ORDER - good.s, yParity: 1 - good.yParity }])),
    osaka("with an s of zero", delegating([{ ...good, s: 0n }])),
    osaka(
      "with the other parity",
      delegating([{ ...good, yParity: 1 - good.yParity }], { to: OTHER, data: words(KNOWN.address) }),
    ),
    osaka("of the sender", delegating([own], { to: SENDER.address })),
    osaka("of the sender with the nonce before", delegating([authorization(SENDER, TARGET)], { to: SENDER.address })),
    osaka(
      "twice for one account",
      delegating([good, authorization(KNOWN, OTHER, { nonce: 1n })], { data: words(TARGET) }),
    ),
    osaka("twice with one nonce", delegating([good, authorization(KNOWN, OTHER)])),
    osaka("to the zero address", delegating([authorization(KNOWN, ZERO_ADDRESS)])),
    osaka("to a precompile", delegating([authorization(KNOWN, "0x0000000000000000000000000000000000000004")])),
    osaka("to the account itself", delegating([authorization(KNOWN, KNOWN.address)])),
    osaka(
      "to each other",
      delegating([authorization(KNOWN, USED.address), authorization(USED, KNOWN.address, { nonce: 7n })]),
    ),
    osaka("to an account without code", delegating([authorization(KNOWN, UNKNOWN.address)])),
    osaka("that stays when the call reverts", delegating([good], { data: words(1n, 2n, 99n) })),
    osaka("seen by EXTCODESIZE and the like", delegating([good], { to: OTHER, data: words(KNOWN.address) })),
    osaka("called by a contract", delegating([good], { to: THIRD, data: words(KNOWN.address, 1n, 2n, 0n) })),
  ];
}

function delegated(): Question[] {
  const already: VectorState = {
    ...STATE_7702,
    [KNOWN.address]: account({ balance: ETHER, nonce: 1, code: designator(TARGET) }),
    [USED.address]: account({ balance: ETHER, nonce: 7, code: designator(KNOWN.address) }),
  };
  const osaka = ask(7702, "osaka", already);
  const fresh = ask(7702, "osaka", STATE_7702);
  const good = authorization(KNOWN, TARGET);
  // 21,000, 25,000 for the authorization and 3 words of calldata: two ones among 94 zeros.
  const least = 21_000n + 25_000n + 4n * 94n + 16n * 2n;
  return [
    osaka("an account that is delegated already sends", signed({ from: KNOWN, nonce: 1n, data: words(3n, 4n, 0n) })),
    osaka("it is called", signed({ to: KNOWN.address, data: words(3n, 4n, 0n), value: 9n })),
    osaka("a delegation to what is delegated is not followed", signed({ to: USED.address, data: words(3n, 4n, 0n) })),
    osaka("it is delegated anew", delegating([authorization(KNOWN, OTHER, { nonce: 1n })], { data: words(TARGET) })),
    osaka("it is given up", delegating([authorization(KNOWN, ZERO_ADDRESS, { nonce: 1n })])),
    osaka("it is seen", signed({ to: OTHER, data: words(KNOWN.address) })),
    osaka("it is called by a contract", signed({ to: THIRD, data: words(KNOWN.address, 3n, 4n, 0n) })),
    osaka("it creates by a transaction", signed({ from: KNOWN, nonce: 1n, to: undefined, data: initcode(STORE) })),
    osaka(
      "two transactions of one block",
      delegating([authorization(KNOWN, OTHER, { nonce: 1n })], { data: words(TARGET) }),
      signed({ nonce: 1n, to: KNOWN.address, data: words(TARGET) }),
    ),
    fresh("a contract cannot be delegated", delegating([authorization(KNOWN, TARGET)], { to: TARGET })),
    fresh("a transaction with the gas that it needs before its call", delegating([good], { gasLimit: least })),
    fresh("a transaction with one gas less", delegating([good], { gasLimit: least - 1n })),
    fresh("a transaction without authorizations", delegating([])),
    ask(7702, "prague", STATE_7702)("in Prague", delegating([good])),
    ask(7702, "cancun", STATE_7702)("before Prague", delegating([good])),
  ];
}

function ancestors(): Question[] {
  const history: VectorState = {
    [HISTORY_ADDRESS]: account({ nonce: 1, code: hexToBytes(HISTORY_CODE), storage: { 0: 77, 5: 55, 8190: 90 } }),
    [TARGET]: contract(PROBE),
  };
  const osaka = ask(2935, "osaka", history);
  const asking = (data: Uint8Array): Hex => signed({ data: concatBytes(words(HISTORY_ADDRESS, 2n ** 64n), data) });
  return [
    osaka("the parent", asking(words(0n))),
    osaka("the block itself", asking(words(1n))),
    osaka("a block to come", asking(words(2n))),
    osaka("the greatest number", asking(words(2n ** 256n - 1n))),
    osaka("31 bytes", asking(words(0n).subarray(1))),
    osaka("33 bytes", asking(new Uint8Array(33))),
    osaka("nothing", asking(new Uint8Array(0))),
    osaka("asked by a transaction", signed({ to: HISTORY_ADDRESS, data: words(0n) })),
    osaka("a value with it", signed({ to: HISTORY_ADDRESS, data: words(0n), value: 1n })),
    ask(2935, "cancun", history)("before Prague, where nobody writes it", asking(words(0n))),
  ];
}

export const transactionQuestions = (): Question[] => [
  ...[...countings(), ...gasLimits(), ...floors(), ...authorizations(), ...delegated(), ...ancestors()],
];

/** Where the first transaction of the sender creates. */
export const CREATED: Hex = createAddress(SENDER.address, 0n);
