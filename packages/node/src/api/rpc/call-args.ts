/** Transaction objects of callers, as messages that can be run. Sources: execution-apis `GenericTransaction`, go-ethereum. */

import { equalBytes, type Hex } from "@counterpart/core/base/bytes";
import { ZERO_ADDRESS } from "@counterpart/core/chain/header";
import type { AccessListEntry, AnyTransactionType, Authorization } from "@counterpart/core/chain/types";
import type { SimulatedMessage } from "@counterpart/core/execution/simulated-message";
import type { JsonValue } from "../json.ts";
import { serverError } from "./errors.ts";
import {
  badValue,
  type JsonObject,
  listOf,
  member,
  readAddress,
  readData,
  readHash,
  readObject,
  readQuantity,
} from "./params.ts";

export const ACCESS_LIST_MAX = 1000;
/** More do not fit in the gas of a transaction. */
export const AUTHORIZATIONS_MAX = 700;
const BLOBS_MAX = 128;
const UINT64_MAX = 2n ** 64n - 1n;

/** What a caller says of a transaction. */
export interface CallArgs {
  readonly from: Hex;
  readonly to?: Hex;
  readonly data: Uint8Array;
  readonly value: bigint;
  readonly gas?: bigint;
  readonly gasPrice?: bigint;
  readonly maxFeePerGas?: bigint;
  readonly maxPriorityFeePerGas?: bigint;
  readonly maxFeePerBlobGas?: bigint;
  readonly nonce?: bigint;
  readonly chainId?: bigint;
  readonly accessList?: readonly AccessListEntry[];
  readonly authorizationList?: readonly Authorization[];
  readonly blobVersionedHashes?: readonly Hex[];
}

export function readUint64(value: JsonValue): bigint {
  const quantity = readQuantity(value);
  if (quantity > UINT64_MAX) throw badValue("hex number > 64 bits");
  return quantity;
}

export function readAccessListEntry(value: JsonValue): AccessListEntry {
  const object = readObject(value);
  const address = member(object, "address", readAddress);
  if (address === undefined) throw badValue("access list entry without address");
  return { address, storageKeys: member(object, "storageKeys", listOf(readHash, ACCESS_LIST_MAX)) ?? [] };
}

/** As geth and viem write a signed authorization (EIP-7702). */
export function readAuthorization(value: JsonValue): Authorization {
  const object = readObject(value);
  const field = (name: string): bigint => {
    const found = member(object, name, readQuantity);
    if (found === undefined) throw badValue(`authorization without ${name}`);
    return found;
  };
  const address = member(object, "address", readAddress);
  if (address === undefined) throw badValue("authorization without address");
  const yParity = field("yParity");
  if (yParity > 1n) throw badValue("the yParity of an authorization is 0 or 1");
  const [chainId, nonce, r, s] = [field("chainId"), field("nonce"), field("r"), field("s")];
  return { chainId, address, nonce, yParity: Number(yParity), r, s };
}

export function dataOf(object: JsonObject): Uint8Array {
  const data = member(object, "data", readData);
  const input = member(object, "input", readData);
  if (data !== undefined && input !== undefined && !equalBytes(data, input)) {
    throw badValue('both "data" and "input" are set and not equal: use "input"');
  }
  return input ?? data ?? new Uint8Array(0);
}

function feesOf(object: JsonObject): Pick<CallArgs, "gasPrice" | "maxFeePerGas" | "maxPriorityFeePerGas"> {
  const gasPrice = member(object, "gasPrice", readQuantity);
  const maxFeePerGas = member(object, "maxFeePerGas", readQuantity);
  const maxPriorityFeePerGas = member(object, "maxPriorityFeePerGas", readQuantity);
  if (gasPrice !== undefined && (maxFeePerGas !== undefined || maxPriorityFeePerGas !== undefined)) {
    throw badValue("both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified");
  }
  return {
    ...(gasPrice === undefined ? {} : { gasPrice }),
    ...(maxFeePerGas === undefined ? {} : { maxFeePerGas }),
    ...(maxPriorityFeePerGas === undefined ? {} : { maxPriorityFeePerGas }),
  };
}

function listsOf(object: JsonObject): Pick<CallArgs, "accessList" | "authorizationList" | "blobVersionedHashes"> {
  const accessList = member(object, "accessList", listOf(readAccessListEntry, ACCESS_LIST_MAX));
  const authorizationList = member(object, "authorizationList", listOf(readAuthorization, AUTHORIZATIONS_MAX));
  const blobVersionedHashes = member(object, "blobVersionedHashes", listOf(readHash, BLOBS_MAX));
  return {
    ...(accessList === undefined ? {} : { accessList }),
    ...(authorizationList === undefined ? {} : { authorizationList }),
    ...(blobVersionedHashes === undefined ? {} : { blobVersionedHashes }),
  };
}

/** Reads a transaction object. Nothing is required. */
export function readCallArgs(value: JsonValue): CallArgs {
  const object = readObject(value);
  const to = member(object, "to", readAddress);
  const gas = member(object, "gas", readUint64);
  const nonce = member(object, "nonce", readUint64);
  const chainId = member(object, "chainId", readQuantity);
  const maxFeePerBlobGas = member(object, "maxFeePerBlobGas", readQuantity);
  return {
    from: member(object, "from", readAddress) ?? ZERO_ADDRESS,
    ...(to === undefined ? {} : { to }),
    data: dataOf(object),
    value: member(object, "value", readQuantity) ?? 0n,
    ...(gas === undefined ? {} : { gas }),
    ...(nonce === undefined ? {} : { nonce }),
    ...(chainId === undefined ? {} : { chainId }),
    ...(maxFeePerBlobGas === undefined ? {} : { maxFeePerBlobGas }),
    ...feesOf(object),
    ...listsOf(object),
  };
}

/** Type of the transaction that this would be; a gas price makes it a legacy one, as in go-ethereum. */
function typeOf({ gasPrice, authorizationList, blobVersionedHashes }: CallArgs): AnyTransactionType {
  if (authorizationList !== undefined) return 4;
  if (blobVersionedHashes !== undefined) return 3;
  return gasPrice === undefined ? 2 : 0;
}

/**
 * The message that is meant.
 * @param gasMax what it may have at most, and has unless it says otherwise
 * @throws RpcError -32000 for another chain's
 */
export function messageOf(args: CallArgs, gasMax: bigint, chainId: number): SimulatedMessage {
  const { from, to, data, value, gas = gasMax, gasPrice, nonce, accessList = [], authorizationList = [] } = args;
  const { blobVersionedHashes, maxFeePerBlobGas = 0n, maxFeePerGas = 0n, maxPriorityFeePerGas = 0n } = args;
  if (args.chainId !== undefined && args.chainId !== BigInt(chainId)) {
    throw serverError(`chainId does not match node's (have=${args.chainId}, want=${chainId})`);
  }
  return {
    type: typeOf(args),
    sender: from,
    ...(to === undefined ? {} : { to }),
    ...(nonce === undefined ? {} : { nonce }),
    data,
    value,
    gasLimit: gas < gasMax ? gas : gasMax,
    maxFeePerGas: gasPrice ?? maxFeePerGas,
    maxPriorityFeePerGas: gasPrice ?? maxPriorityFeePerGas,
    accessList,
    authorizationList,
    ...(blobVersionedHashes === undefined ? {} : { blobVersionedHashes, maxFeePerBlobGas }),
  };
}
