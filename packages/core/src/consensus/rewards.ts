/** What a block creates outside of its transactions. Sources: yellow paper, EIP-649, EIP-1234, EIP-3675, EIP-4895. */

import type { Hex } from "../base/bytes.ts";
import type { AnyBlock } from "../chain/any-block.ts";
import { type Fork, isAtLeast } from "../execution/fork.ts";

export interface Credit {
  readonly address: Hex;
  /** Wei; zero touches the account all the same. */
  readonly amount: bigint;
}

const ETHER = 10n ** 18n;

function minerReward(fork: Fork): bigint {
  if (isAtLeast(fork, "constantinople")) return 2n * ETHER;
  return isAtLeast(fork, "byzantium") ? 3n * ETHER : 5n * ETHER;
}

/** Rewards of the sealer and of the ommers' sealers before the Merge, withdrawals after it, in the order they are paid. */
export function creditsOf({ header, ommers, withdrawals = [] }: AnyBlock, fork: Fork): Credit[] {
  if (isAtLeast(fork, "paris")) return withdrawals.map(({ address, amount }) => ({ address, amount }));
  const reward = minerReward(fork);
  const credits = ommers.map(({ coinbase, number }) => ({
    address: coinbase,
    amount: (BigInt(number + 8 - header.number) * reward) / 8n,
  }));
  const including = (BigInt(ommers.length) * reward) / 32n;
  return [...credits, { address: header.coinbase, amount: reward + including }];
}
