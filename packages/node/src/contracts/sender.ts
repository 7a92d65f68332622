/** Signs transactions of held accounts and hands them to the pool. */

import type { Hex } from "@counterpart/core/base/bytes";
import { CodedError, isCodedError } from "@counterpart/core/base/errors";
import { signTransaction } from "@counterpart/core/chain/transaction";
import type { Transaction } from "@counterpart/core/chain/types";
import type { Engine } from "../engine/types.ts";
import type { KeyRing } from "../keys/types.ts";
import { createLocks } from "./locks.ts";
import type { Message } from "./simulation.ts";

/** Requests of one account that wait for their nonce. */
const WAITING_MAX = 4_096;
/** Attempts when somebody else uses the account's nonce between reading and submitting it. */
const ATTEMPTS_MAX = 3;

/** What must be durable before a transaction is sent. */
export interface Preparation {
  before(transaction: Transaction): void;
  /** The transaction was refused. */
  undo(transaction: Transaction): void;
}

export interface Sender {
  /**
   * Resolves when the transaction is durable in the pool.
   * @throws CodedError `FROM_NOT_HELD`, `RATE_LIMITED`, or the pool's reason
   */
  send(message: Message, gasLimit: number, preparation?: Preparation): Promise<Transaction>;
}

type SenderEngine = Pick<Engine, "chainId" | "head" | "pool" | "submit">;

export function createSender(engine: SenderEngine, keys: KeyRing): Sender {
  const locks = createLocks(WAITING_MAX);

  const sign = ({ from, to, value, data }: Message, gasLimit: number): Transaction => {
    const { baseFeePerGas } = engine.head();
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
  const submit = async (transaction: Transaction, preparation: Preparation | undefined): Promise<void> => {
    preparation?.before(transaction);
    try {
      await engine.submit(transaction, "local");
    } catch (error) {
      preparation?.undo(transaction);
      throw error;
    }
  };
  const attempt = async (message: Message, gasLimit: number, preparation?: Preparation): Promise<Transaction> => {
    for (let attempts = 1; ; attempts++) {
      const transaction = sign(message, gasLimit);
      try {
        await submit(transaction, preparation);
        return transaction;
      } catch (error) {
        const lostNonce = isCodedError(error, "NONCE_TOO_LOW") || isCodedError(error, "UNDERPRICED");
        if (!lostNonce || attempts >= ATTEMPTS_MAX) throw error;
      }
    }
  };

  return {
    async send(message, gasLimit, preparation) {
      const from = requireHeld(keys, message.from);
      return locks.run(from, () => attempt(message, gasLimit, preparation));
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
