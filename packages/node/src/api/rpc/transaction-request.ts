/** A transaction as wallets ask for it: what they leave out is filled in as go-ethereum does. */

import type { Hex } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import type { UnsignedTransaction } from "@counterpart/core/chain/transaction-fields";
import type { TransactionType } from "@counterpart/core/chain/types";
import type { ChainEngine } from "../../engine/types.ts";
import type { JsonValue } from "../json.ts";
import { ACCESS_LIST_MAX, AUTHORIZATIONS_MAX, dataOf, readAccessListEntry, readAuthorization } from "./call-args.ts";
import { suggestedPrice, upcomingBaseFee } from "./fees.ts";
import { badValue, type JsonObject, listOf, member, readAddress, readObject, readQuantity } from "./params.ts";

/** What was asked for; what is absent is for the node to choose. */
export interface TransactionRequest
  extends Omit<UnsignedTransaction, "nonce" | "gasLimit" | "maxFeePerGas" | "maxPriorityFeePerGas"> {
  readonly from: Hex;
  readonly nonce?: bigint;
  readonly gasLimit?: bigint;
  /** The gas price of types 0 and 1. */
  readonly maxFeePerGas?: bigint;
  readonly maxPriorityFeePerGas?: bigint;
  /** The object as it came, for an estimate of its gas. */
  readonly given: JsonValue;
}

const BLOB_TYPE = 3n;
const BLOB_FIELDS = ["blobs", "blobVersionedHashes", "maxFeePerBlobGas"] as const;

/** Types 0 and 1 have one price, the others a greatest fee and a tip. */
function typeOf(object: JsonObject, hasAccessList: boolean, hasAuthorizations: boolean): TransactionType {
  const type = member(object, "type", readQuantity);
  if (type === BLOB_TYPE || BLOB_FIELDS.some((name) => Object.hasOwn(object, name))) {
    throw new CodedError("BLOBS_UNSUPPORTED", "blob transactions (type 3) are not accepted");
  }
  if (hasAuthorizations || type === 4n) return 4;
  if (type === 1n) return 1;
  const gasPrice = member(object, "gasPrice", readQuantity);
  if (type === 0n && !hasAccessList) return 0;
  if (gasPrice !== undefined && type !== 2n) return hasAccessList ? 1 : 0;
  if (type !== undefined && type !== 2n && type !== 0n) throw badValue(`unknown transaction type ${type}`);
  return hasAccessList && type === 0n ? 1 : 2;
}

function feesOf(object: JsonObject): Pick<TransactionRequest, "maxFeePerGas" | "maxPriorityFeePerGas"> {
  const gasPrice = member(object, "gasPrice", readQuantity);
  const fee = member(object, "maxFeePerGas", readQuantity);
  const tip = member(object, "maxPriorityFeePerGas", readQuantity);
  if (gasPrice !== undefined && (fee !== undefined || tip !== undefined)) {
    throw badValue("both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified");
  }
  if (fee !== undefined && tip !== undefined && fee < tip) {
    throw badValue(`maxFeePerGas (${fee}) < maxPriorityFeePerGas (${tip})`);
  }
  const [maxFee, maxTip] = [gasPrice ?? fee, gasPrice ?? tip];
  return {
    ...(maxFee === undefined ? {} : { maxFeePerGas: maxFee }),
    ...(maxTip === undefined ? {} : { maxPriorityFeePerGas: maxTip }),
  };
}

/** @throws Error (a bad value), CodedError `BLOBS_UNSUPPORTED` */
export function readTransactionRequest(value: JsonValue): TransactionRequest {
  const object = readObject(value);
  const from = member(object, "from", readAddress);
  if (from === undefined) throw badValue('missing value for required field "from"');
  const to = member(object, "to", readAddress);
  const data = dataOf(object);
  if (to === undefined && data.length === 0) throw badValue("contract creation without any data provided");
  const accessList = member(object, "accessList", listOf(readAccessListEntry, ACCESS_LIST_MAX));
  const authorizationList = member(object, "authorizationList", listOf(readAuthorization, AUTHORIZATIONS_MAX)) ?? [];
  const [nonce, gasLimit] = [member(object, "nonce", readQuantity), member(object, "gas", readQuantity)];
  const chainId = member(object, "chainId", readQuantity);
  return {
    type: typeOf(object, accessList !== undefined, authorizationList.length > 0),
    from,
    ...(to === undefined ? {} : { to }),
    value: member(object, "value", readQuantity) ?? 0n,
    data,
    ...feesOf(object),
    ...(nonce === undefined ? {} : { nonce }),
    ...(gasLimit === undefined ? {} : { gasLimit }),
    ...(chainId === undefined ? {} : { chainId }),
    ...(accessList === undefined ? {} : { accessList }),
    ...(authorizationList.length === 0 ? {} : { authorizationList }),
    given: value,
  };
}

const FEE_MAX = 2n ** 256n - 1n;

/** Twice the base fee outlasts six full blocks. */
function filledFees(engine: ChainEngine, { type, maxFeePerGas, maxPriorityFeePerGas }: TransactionRequest) {
  if (type < 2) {
    const price = maxFeePerGas ?? suggestedPrice(engine);
    return { maxFeePerGas: price, maxPriorityFeePerGas: price };
  }
  const tip = maxPriorityFeePerGas ?? 0n;
  const usual = 2n * upcomingBaseFee(engine) + tip;
  return { maxFeePerGas: maxFeePerGas ?? (usual > FEE_MAX ? FEE_MAX : usual), maxPriorityFeePerGas: tip };
}

/**
 * The whole transaction, with the account's next nonce unless one was given. To be signed and submitted before the next
 * await: then concurrent requests of an account get consecutive nonces.
 * @throws Error (a bad value) for another chain's id
 */
export function fillTransaction(
  engine: ChainEngine,
  request: TransactionRequest,
  gasLimit: bigint,
): UnsignedTransaction {
  const { type, from, to, value, data, accessList, authorizationList } = request;
  const own = BigInt(engine.chainId);
  if (request.chainId !== undefined && request.chainId !== own) {
    throw new CodedError("INVALID_TRANSACTION", `chainId does not match node's (have=${request.chainId}, want=${own})`);
  }
  return {
    type,
    chainId: own,
    nonce: request.nonce ?? engine.pool.nextNonce(from),
    gasLimit,
    ...filledFees(engine, request),
    ...(to === undefined ? {} : { to }),
    value,
    data,
    ...(accessList === undefined ? {} : { accessList }),
    ...(authorizationList === undefined ? {} : { authorizationList }),
  };
}
