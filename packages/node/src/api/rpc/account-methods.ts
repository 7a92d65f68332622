/**
 * The accounts that the node signs for, over JSON-RPC. Whoever may call these may spend what the accounts own: the
 * guards of the server keep out strangers' pages, and beyond loopback whoever has no token.
 */

import { bytesToHex, type Hex } from "@counterpart/core/base/bytes";
import { signTransaction } from "@counterpart/core/chain/transaction";
import type { UnsignedTransaction } from "@counterpart/core/chain/transaction-fields";
import type { Transaction } from "@counterpart/core/chain/types";
import {
  personalDigest,
  type TypedData,
  type TypedDataField,
  typedDataDigest,
} from "@counterpart/core/crypto/typed-data";
import { requireHeld } from "../../contracts/sender.ts";
import type { ChainEngine } from "../../engine/types.ts";
import type { KeyRing } from "../../keys/types.ts";
import { type JsonValue, parseExactJson, toSafeJson } from "../json.ts";
import type { RpcMethod } from "./dispatch.ts";
import { formatUnsigned } from "./format.ts";
import {
  badValue,
  defineMethod,
  type JsonObject,
  listOf,
  member,
  optional,
  readAddress,
  readData,
  readObject,
  readQuantity,
  required,
} from "./params.ts";
import type { UntilSealed } from "./sealed.ts";
import { fillTransaction, readTransactionRequest, type TransactionRequest } from "./transaction-request.ts";

/** Who may be a sender, and how what he sends is signed. */
export interface Signing {
  accounts(): readonly Hex[];
  /** @throws CodedError `FROM_NOT_HELD` */
  requireSender(from: Hex): void;
  sign(transaction: UnsignedTransaction, from: Hex): Transaction;
}

export interface AccountMethodsDeps {
  readonly engine: ChainEngine;
  readonly keys: KeyRing;
  /** `eth_estimateGas`. */
  readonly estimateGas: RpcMethod;
  readonly sealed: UntilSealed;
  /** Instead of the keys that are held. */
  readonly signing?: Signing;
}

/** Signs with the keys that the node holds. */
export const heldKeys = (keys: KeyRing): Signing => ({
  accounts: () => keys.accounts(),
  requireSender: (from) => void requireHeld(keys, from),
  sign: (transaction, from) => signTransaction(transaction, (digest) => keys.sign(from, digest)),
});

const FIELDS_MAX = 1_024;
const RECOVERY_OFFSET = 27;

/** r ‖ s ‖ v with v 27 or 28, as wallets give it. */
function signatureOf(keys: KeyRing, from: Hex, digest: Uint8Array): Hex {
  const signature = keys.sign(requireHeld(keys, from), digest).slice();
  signature[64] = (signature[64] as number) + RECOVERY_OFFSET;
  return bytesToHex(signature);
}

function readText(value: JsonValue): string {
  if (typeof value !== "string") throw badValue("expected a string");
  return value;
}

function readField(value: JsonValue): TypedDataField {
  const object = readObject(value);
  const [name, type] = [member(object, "name", readText), member(object, "type", readText)];
  if (name === undefined || type === undefined) throw badValue("a field needs name and type");
  return { name, type };
}

function readTypes(value: JsonValue): TypedData["types"] {
  const fields = listOf(readField, FIELDS_MAX);
  return Object.fromEntries(Object.entries(readObject(value)).map(([name, list]) => [name, fields(list ?? null)]));
}

/** The digest of typed data, given as an object or as text that holds one. */
function readTypedDataDigest(value: JsonValue): Uint8Array {
  const object: JsonObject = readObject(typeof value === "string" ? toSafeJson(parseExactJson(value)) : value);
  const [types, primaryType] = [member(object, "types", readTypes), member(object, "primaryType", readText)];
  const [domain, message] = [member(object, "domain", readObject), member(object, "message", readObject)];
  if (types === undefined || primaryType === undefined) throw badValue("typed data needs types and primaryType");
  return typedDataDigest({ types, primaryType, domain: domain ?? {}, message: message ?? {} });
}

export function accountMethods(deps: AccountMethodsDeps): Record<string, RpcMethod> {
  const { engine, keys, estimateGas, sealed, signing = heldKeys(deps.keys) } = deps;
  const gasOf = async ({ gasLimit, given }: TransactionRequest): Promise<bigint> =>
    gasLimit ?? readQuantity((await estimateGas([given, "pending"])) as Hex);
  /** Signs what `then` is given at once: no other request of the account comes between. */
  async function sign<T>(request: TransactionRequest, then: (transaction: Transaction) => T): Promise<Awaited<T>> {
    const { from } = request;
    signing.requireSender(from);
    const gasLimit = await gasOf(request);
    return await then(signing.sign(fillTransaction(engine, request, gasLimit), from));
  }
  const requireTaking = (): void => {
    const refusal = engine.refusal();
    if (refusal !== undefined) throw refusal;
  };
  const typedData = defineMethod([required(readAddress), required(readTypedDataDigest)], (from, digest) =>
    signatureOf(keys, from, digest),
  );
  return {
    eth_accounts: defineMethod([], () => signing.accounts()),
    eth_sendTransaction: defineMethod([required(readTransactionRequest)], (request) => {
      requireTaking();
      return sign(request, async (transaction) => {
        await engine.submit(transaction, "local");
        await sealed(transaction.hash);
        return transaction.hash;
      });
    }),
    eth_signTransaction: defineMethod([required(readTransactionRequest)], (request) =>
      sign(request, ({ raw }) => bytesToHex(raw)),
    ),
    eth_fillTransaction: defineMethod([required(readTransactionRequest)], async (request) => ({
      tx: formatUnsigned(fillTransaction(engine, request, await gasOf(request))),
    })),
    eth_sign: defineMethod([required(readAddress), required(readData)], (from, message) =>
      signatureOf(keys, from, personalDigest(message)),
    ),
    // The password that unlocks a key elsewhere: keys here are never locked.
    personal_sign: defineMethod([required(readData), required(readAddress), optional(readText, "")], (message, from) =>
      signatureOf(keys, from, personalDigest(message)),
    ),
    eth_signTypedData: typedData,
    eth_signTypedData_v3: typedData,
    eth_signTypedData_v4: typedData,
  };
}
