/** Signs transactions of held accounts and hands them to the pool. */

import type { Hex } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { signTransaction } from "@counterpart/core/chain/transaction";
import type { Transaction } from "@counterpart/core/chain/types";
import type { StoreWrite } from "@counterpart/core/ports/store";
import type { ChainEngine } from "../engine/types.ts";
import type { KeyRing } from "../keys/types.ts";
import type { Message } from "./simulation.ts";

/** What goes with a transaction. */
export interface Preparation {
  /** Rows that become durable in the same write. */
  before(transaction: Transaction): readonly StoreWrite[];
  /** The transaction was refused. */
  undo(transaction: Transaction): void;
}

export interface Sender {
  /**
   * Resolves when the transaction is durable. Concurrent ones of an account get consecutive nonces: between reading the
   * next nonce and taking it in the pool nothing else runs.
   * @throws CodedError `FROM_NOT_HELD`, or the pool's reason
   */
  send(message: Message, gasLimit: number, preparation?: Preparation): Promise<Transaction>;
}

type SenderEngine = Pick<ChainEngine, "chainId" | "nextContext" | "pool" | "submit">;

export function createSender(engine: SenderEngine, keys: KeyRing): Sender {
  const sign = ({ from, to, value, data }: Message, gasLimit: number): Transaction => {
    const { baseFeePerGas = 0n } = engine.nextContext();
    return signTransaction(
      {
        type: 2,
        chainId: BigInt(engine.chainId),
        nonce: engine.pool.nextNonce(from),
        gasLimit: BigInt(gasLimit),
        // Twice the base fee outlasts six full blocks; on this chain it is zero, and so is the price.
        maxFeePerGas: 2n * baseFeePerGas,
        maxPriorityFeePerGas: 0n,
        ...(to === undefined ? {} : { to }),
        value,
        data,
      },
      (digest) => keys.sign(from, digest),
    );
  };
  return {
    async send(message, gasLimit, preparation) {
      requireHeld(keys, message.from);
      const transaction = sign(message, gasLimit);
      const companions = preparation?.before(transaction) ?? [];
      try {
        await engine.submit(transaction, "local", companions);
      } catch (error) {
        preparation?.undo(transaction);
        throw error;
      }
      return transaction;
    },
  };
}

/** @throws CodedError `FROM_NOT_HELD` */
export function requireHeld(keys: KeyRing, from: Hex | undefined): Hex {
  if (from !== undefined && keys.holds(from)) return from;
  const hint =
    from === undefined ? "the contract has no owner: give from" : `this node does not hold the key of ${from}`;
  throw new CodedError("FROM_NOT_HELD", hint, from === undefined ? {} : { from });
}
