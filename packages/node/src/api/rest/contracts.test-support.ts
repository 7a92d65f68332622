/** What the contract service answers in tests of the contract routes. */

import type { SendResult } from "../../contracts/types.ts";
import { CONTRACT, hash32, OWNER_SHOWN } from "../fake-backend.test-support.ts";

export const CONTRACTS_PATH = "/api/v1/contracts";

export const INCLUDED: SendResult = {
  included: true,
  transactionHash: hash32("a"),
  blockHash: hash32("b"),
  blockNumber: 7,
  status: "success",
  result: { amount: 2n ** 80n },
  logs: [
    {
      log: { address: CONTRACT, topics: [hash32("c")], data: new Uint8Array([1, 2]) },
      event: "Transfer",
      args: { to: OWNER_SHOWN, value: 5n },
    },
  ],
  confirmations: 1,
  address: CONTRACT,
};

export const PENDING: SendResult = { included: false, transactionHash: hash32("a"), address: CONTRACT };

/** What the service was asked, numbers as their source text. */
export const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
