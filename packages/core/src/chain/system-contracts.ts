/** Contracts that the development genesis holds, with the code that they have on public networks. */

import type { Hex } from "../base/bytes.ts";

/** EIP-4788: the ring buffer of beacon block roots. */
export const BEACON_ROOTS_ADDRESS: Hex = "0x000f3df6d732807ef1319fb7b8bb8522d0beac02";
export const BEACON_ROOTS_CODE: Hex =
  "0x3373fffffffffffffffffffffffffffffffffffffffe14604d57602036146024575f5ffd5b5f35801560495762001fff810690815414603c575f5ffd5b62001fff01545f5260205ff35b5f5ffd5b62001fff42064281555f359062001fff015500";

/** EIP-2935: the ring buffer of block hashes. */
export const HISTORY_ADDRESS: Hex = "0x0000f90827f1c53a10cb7a02335b175320002935";
export const HISTORY_CODE: Hex =
  "0x3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f35600143038111604257611fff81430311604257611fff9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500";

/** Who calls the two above when a block begins. It is an account of nobody. */
export const SYSTEM_ADDRESS: Hex = "0xfffffffffffffffffffffffffffffffffffffffe";

/** The keyless CREATE2 deployer that Foundry and Hardhat use. */
export const CREATE2_DEPLOYER_ADDRESS: Hex = "0x4e59b44847b379578588920ca78fbf26c0b4956c";
export const CREATE2_DEPLOYER_CODE: Hex =
  "0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3";

/** Its code is in `multicall3-code.ts`. */
export const MULTICALL3_ADDRESS: Hex = "0xca11bde05977b3631167028862be2a173976ca11";

/** EIP-7002: the queue of withdrawals that execution asks for. */
export const WITHDRAWAL_REQUESTS_ADDRESS: Hex = "0x00000961ef480eb55e80d19ad83579a64c007002";

/** EIP-7251: the queue of consolidations that execution asks for. */
export const CONSOLIDATION_REQUESTS_ADDRESS: Hex = "0x0000bbddc7ce488642fb579f8b00f3a590007251";
