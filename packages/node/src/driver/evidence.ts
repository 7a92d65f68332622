/** What is written down of a block over which this node and its peers differ, for people and the next start. JSON only. */

import { bytesToHex, type Hex, isHex } from "@counterpart/core/base/bytes";
import type { Header } from "@counterpart/core/chain/types";
import { currentCrypto } from "@counterpart/core/crypto/crypto";
import type { Stand, Voice } from "@counterpart/core/sync/divergence";
import type { RefusedBlock } from "../engine/types.ts";
import type { Self } from "./ports.ts";
import type { Session } from "./session.ts";

/** A peer that was asked, or that sent the block. */
export interface Witness extends Voice {
  readonly peerId: string;
  readonly address: string;
  readonly client?: string;
}

type Known = Pick<Session, "peerId" | "link" | "version">;

export const witnessOf = ({ peerId, link, version }: Known, stand: Stand, chosen: boolean): Witness => ({
  ...{ peerId, address: link.address, stand, chosen },
  ...(version === undefined ? {} : { client: version.client }),
});

/**
 * How it ended. `executed`: the block is on this node's chain. `agreed`: without the block, this node agrees with most of
 * its peers again. `refused`: most peers did not hold it to begin with.
 */
export type Settlement = "executed" | "agreed" | "refused";

export interface Findings {
  readonly refused: RefusedBlock;
  readonly witnesses: readonly Witness[];
  readonly nowMs: number;
  readonly sealedHere: boolean;
  /** Undefined while it is open. */
  readonly settlement?: Settlement;
}

/** A divergence that was not settled when it was written down. */
export interface OpenDivergence {
  readonly hash: Hex;
  readonly number: number;
  readonly sinceMs: number;
  readonly sealedHere: boolean;
}

type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

function fieldToJson(value: Header[keyof Header]): Json {
  if (value instanceof Uint8Array) return bytesToHex(value);
  return typeof value === "bigint" ? value.toString() : value;
}

const toSnake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Every field of a header, in the API's spelling. */
const headerToJson = (header: Header): Json =>
  Object.fromEntries(Object.entries(header).map(([name, value]) => [toSnake(name), fieldToJson(value)]));

const witnessToJson = ({ peerId, address, client, stand, chosen }: Witness): Json => ({
  peer_id: peerId,
  address,
  client: client ?? null,
  stand,
  chosen,
});

export const evidenceName = ({ hash, number }: { readonly hash: Hex; readonly number: number }): string =>
  `${number}-${hash}`;

export function evidenceDocument(findings: Findings, self: Self): object {
  const { refused, witnesses, nowMs, sealedHere, settlement } = findings;
  const { header, encoded, message, computed, outcomes } = refused;
  return {
    format: 1,
    noted_at: nowMs,
    settled_at: settlement === undefined ? null : nowMs,
    settlement: settlement ?? null,
    block: { number: header.number, hash: header.hash, encoded: bytesToHex(encoded) },
    sealed_here: sealedHere,
    contradiction: message,
    header: headerToJson(header),
    computed: computed === undefined ? null : headerToJson(computed),
    transactions: outcomes.map(({ transaction, receipt }) => ({
      hash: transaction,
      status: receipt.status,
      gas_used: receipt.gasUsed,
      logs: receipt.logs.length,
    })),
    peers: witnesses.map(witnessToJson),
    node: { client: self.client, instance_id: self.instanceId, crypto: currentCrypto().name },
  };
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

/** The divergence that a document tells of, if it does and that is not settled. */
export function openDivergence(document: unknown): OpenDivergence | undefined {
  if (!isObject(document) || document.settled_at !== null || !isObject(document.block)) return undefined;
  const { hash, number } = document.block;
  const sinceMs = document.noted_at;
  if (!isHex(hash, 32) || typeof number !== "number" || typeof sinceMs !== "number") return undefined;
  return { hash, number, sinceMs, sealedHere: document.sealed_here === true };
}

export const settled = (document: unknown, settlement: Settlement, nowMs: number): object => ({
  ...(isObject(document) ? document : {}),
  settled_at: nowMs,
  settlement,
});
