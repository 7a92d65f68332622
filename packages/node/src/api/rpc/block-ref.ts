/** How a caller names a block: tag, number, or an object of EIP-1898. */

import type { Hex } from "@counterpart/core/base/bytes";
import { isCodedError } from "@counterpart/core/base/errors";
import type { AnySealedHeader } from "@counterpart/core/chain/any-header";
import type { StateReader } from "@counterpart/core/execution/types";
import type { StateView } from "../../engine/state-view.ts";
import type { ChainEngine } from "../../engine/types.ts";
import type { JsonValue } from "../json.ts";
import { canonicalHeader } from "../state.ts";
import { serverError } from "./errors.ts";
import { badValue, member, readBoolean, readHash, readObject, readSafeQuantity } from "./params.ts";

export type BlockRef =
  | { readonly kind: "head" }
  | { readonly kind: "pending" }
  /** The last block that no reorganisation can take back. */
  | { readonly kind: "final" }
  | { readonly kind: "number"; readonly number: number }
  | { readonly kind: "hash"; readonly hash: Hex; readonly requireCanonical: boolean };

/** A tag or a number. */
export type NumberRef = Exclude<BlockRef, { readonly kind: "hash" }>;

export const LATEST: NumberRef = { kind: "head" };

const TAGS: Readonly<Record<string, NumberRef>> = {
  latest: LATEST,
  pending: { kind: "pending" },
  earliest: { kind: "number", number: 0 },
  safe: { kind: "final" },
  finalized: { kind: "final" },
};

/** A tag or a number. */
export function readBlockNumber(value: JsonValue): NumberRef {
  if (typeof value === "string" && Object.hasOwn(TAGS, value)) return TAGS[value] as NumberRef;
  return { kind: "number", number: readSafeQuantity(value) };
}

/** A tag, a number, or `{blockNumber}` or `{blockHash, requireCanonical?}` (EIP-1898). */
export function readBlockRef(value: JsonValue): BlockRef {
  if (typeof value === "string")
    return /^0x[0-9a-fA-F]{64}$/.test(value) ? byHash(readHash(value)) : readBlockNumber(value);
  const object = readObject(value);
  const hash = member(object, "blockHash", readHash);
  const number = member(object, "blockNumber", readBlockNumber);
  if ((hash === undefined) === (number === undefined)) throw badValue("give either blockHash or blockNumber");
  if (number !== undefined) return number;
  return byHash(hash as Hex, member(object, "requireCanonical", readBoolean) ?? false);
}

const byHash = (hash: Hex, requireCanonical = false): BlockRef => ({ kind: "hash", hash, requireCanonical });

/**
 * The last block that is sure to stay: of an imported chain, which does not change, its head; of this node's own, the
 * genesis, as proof of authority has no finality and a better branch may begin anywhere.
 */
export const finalNumber = (engine: ChainEngine): number => (engine.schedule === undefined ? 0 : engine.head().number);

/** The number of the block that a tag or a number means; for `pending`, of the head. */
export function numberOfRef(engine: ChainEngine, ref: NumberRef): number {
  if (ref.kind === "number") return ref.number;
  return ref.kind === "final" ? finalNumber(engine) : engine.head().number;
}

/** The header that is meant; undefined when it is not held, or a hash is not on the canonical chain. */
export function headerAt(engine: ChainEngine, ref: BlockRef): AnySealedHeader | undefined {
  if (ref.kind === "head" || ref.kind === "pending") return engine.head();
  if (ref.kind !== "hash") return canonicalHeader(engine, numberOfRef(engine, ref));
  const header = engine.header(ref.hash);
  if (header === undefined || engine.isCanonical(ref.hash)) return header;
  if (ref.requireCanonical) throw serverError("hash is not currently canonical");
  return undefined;
}

/** A header that must be there. */
function requireHeader(engine: ChainEngine, ref: BlockRef): AnySealedHeader {
  const header = headerAt(engine, ref);
  if (header === undefined) throw serverError("header not found");
  return header;
}

/** What a caller is told of a state that is not held, in the words that tools look for. */
function stateError(error: unknown, { stateRoot }: AnySealedHeader): unknown {
  if (isCodedError(error, "BLOCK_NOT_FOUND")) return serverError("header not found");
  if (!isCodedError(error, "PRUNED")) return error;
  return serverError(`historical state ${stateRoot} is not available: ${error.message}`);
}

/** The recent state that a caller named, for proofs. To be read before the next await. */
export function stateViewAt(engine: ChainEngine, ref: BlockRef): StateView {
  const header = requireHeader(engine, ref);
  try {
    return engine.shownStateAt(header.hash);
  } catch (error) {
    throw stateError(error, header);
  }
}

/**
 * Works on the state that a caller named, which the work is given as a block; undefined: whichever is the head.
 * @throws RpcError when the block is unknown, or its state is not held
 */
export async function onState<T>(
  engine: ChainEngine,
  ref: BlockRef,
  work: (block: AnySealedHeader | undefined) => Promise<T>,
): Promise<T> {
  if (ref.kind === "head" || ref.kind === "pending") return work(undefined);
  const header = requireHeader(engine, ref);
  try {
    return await work(header);
  } catch (error) {
    throw stateError(error, header);
  }
}

/** Reads the state of a block; undefined: of the head. */
export const readAt = <T>(
  engine: ChainEngine,
  block: AnySealedHeader | undefined,
  read: (state: StateReader) => T,
): Promise<T> => (block === undefined ? engine.read(read) : engine.readAt(block.hash, read));

/** Reads the state that a caller named. */
export const readState = <T>(engine: ChainEngine, ref: BlockRef, read: (state: StateReader) => T): Promise<T> =>
  onState(engine, ref, (block) => readAt(engine, block, read));
