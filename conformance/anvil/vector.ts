/** A vector that Anvil computed: a block over a state, and what came of it. */

import type { Hex } from "@counterpart/core/base/bytes";

export type VectorFork = "cancun" | "prague" | "osaka";

export interface VectorAccount {
  readonly nonce: number;
  /** Decimal. */
  readonly balance: string;
  readonly code: Hex;
  /** 32-byte slot → 32-byte value, neither zero. */
  readonly storage: Readonly<Record<Hex, Hex>>;
}

export type VectorState = Readonly<Record<Hex, VectorAccount>>;

/** What Anvil is asked. */
export interface Question {
  readonly eip: number;
  readonly name: string;
  readonly fork: VectorFork;
  readonly before: VectorState;
  /** Signed, in the order in which they are in the block. */
  readonly transactions: readonly Hex[];
}

export interface VectorResult {
  /** Not taken into the block; the rest is absent then. */
  readonly refused?: true;
  readonly success?: boolean;
  readonly gasUsed?: number;
  readonly output?: Hex;
  readonly logs?: readonly { readonly address: Hex; readonly topics: readonly Hex[]; readonly data: Hex }[];
}

export interface Vector extends Question {
  readonly block: {
    readonly number: number;
    readonly timestamp: number;
    readonly coinbase: Hex;
    readonly gasLimit: number;
    readonly baseFeePerGas: number;
    readonly prevRandao: Hex;
    readonly parentHash: Hex;
  };
  readonly results: readonly VectorResult[];
  readonly after: VectorState;
}
