/** Our transactions in the form that the EVM library executes. */

import type { Common } from "@ethereumjs/common";
import {
  type AccessListBytes,
  createAccessList2930Tx,
  createEOACode7702Tx,
  createFeeMarket1559Tx,
  createLegacyTx,
  type TypedTransaction,
} from "@ethereumjs/tx";
import { bigIntToBytes, hexToBytes } from "../base/bytes.ts";
import type { Authorization, Transaction } from "../chain/types.ts";
import { libraryAddress } from "./library-machine.test-support.ts";

function accessListBytes({ accessList }: Transaction): AccessListBytes {
  return accessList.map(({ address, storageKeys }) => [hexToBytes(address), storageKeys.map(hexToBytes)]);
}

function authorizationBytes({ chainId, address, nonce, yParity, r, s }: Authorization) {
  const [chain, count, parity] = [chainId, nonce, BigInt(yParity)].map(bigIntToBytes);
  return [chain, hexToBytes(address), count, parity, bigIntToBytes(r), bigIntToBytes(s)] as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
}

function build(transaction: Transaction, common: Common): TypedTransaction {
  const { type, nonce, gasLimit, value, data, maxFeePerGas, maxPriorityFeePerGas, to } = transaction;
  const options = { common, freeze: false };
  const shared = { nonce, gasLimit, value, data, ...(to === undefined ? {} : { to }) };
  const fees = { maxFeePerGas, maxPriorityFeePerGas };
  switch (type) {
    case 0:
      return createLegacyTx({ ...shared, gasPrice: maxFeePerGas }, options);
    case 1:
      return createAccessList2930Tx(
        { ...shared, gasPrice: maxFeePerGas, accessList: accessListBytes(transaction) },
        options,
      );
    case 2:
      return createFeeMarket1559Tx({ ...shared, ...fees, accessList: accessListBytes(transaction) }, options);
    case 4: {
      const authorizationList = transaction.authorizationList.map(authorizationBytes);
      const lists = { accessList: accessListBytes(transaction), authorizationList };
      return createEOACode7702Tx({ ...shared, ...fees, ...lists }, options);
    }
  }
}

/** Without its signature, which was checked when it was decoded: the sender is given instead of recovered again. */
export function toLibraryTransaction(transaction: Transaction, common: Common): TypedTransaction {
  const built = build(transaction, common);
  const sender = libraryAddress(transaction.sender);
  built.getSenderAddress = () => sender;
  return built;
}
