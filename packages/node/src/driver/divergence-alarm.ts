/**
 * The alarm that this node computes something else than the others. Raised, it stays until the program ends, so that
 * whoever looks sees it. The evidence stays on the disk, and brings the alarm back at the next start, until this node has
 * executed the block after all, or agrees with most of its peers without it.
 */

import { CodedError } from "@counterpart/core/base/errors";
import type { Tip } from "@counterpart/core/consensus/poa";
import { areMost } from "@counterpart/core/sync/divergence";
import type { RefusedBlock } from "../engine/types.ts";
import {
  evidenceDocument,
  evidenceName,
  type OpenDivergence,
  openDivergence,
  type Settlement,
  settled,
  type Witness,
} from "./evidence.ts";
import type { Peers } from "./peers.ts";
import type { DriverDeps } from "./ports.ts";
import type { DivergenceView } from "./types.ts";

export interface DivergenceAlarm {
  readonly divergence: DivergenceView | undefined;
  /** Whether it was raised since the start of the program. */
  readonly isLatched: boolean;
  /** Whether an earlier start has found out that execution here contradicts this block. Then it is raised again. */
  reaffirm(block: Tip): boolean;
  raise(refused: RefusedBlock, witnesses: readonly Witness[], sealedHere?: boolean): void;
  /** Keeps evidence against the block itself, which a listed signer has sealed. */
  keepRefused(refused: RefusedBlock, witnesses: readonly Witness[]): void;
  /** Looks whether a divergence of an earlier start is over. */
  review(): void;
}

export interface DivergenceAlarmDeps extends Pick<DriverDeps, "engine" | "evidenceBook" | "clock" | "logger" | "self"> {
  readonly peers: Pick<Peers, "executing">;
}

interface Open extends OpenDivergence {
  readonly evidence: string | undefined;
  readonly document: unknown;
}

/** What callers are told in place of state. */
export function divergedError({ block, sealedHere, sinceMs, evidence }: DivergenceView): CodedError {
  const what = sealedHere
    ? `most peers refuse block ${block.number}, which this node has sealed`
    : `execution here contradicts block ${block.number}, which most peers hold`;
  const where = evidence === undefined ? "" : `; the evidence is in the data directory at ${evidence}`;
  return new CodedError("DIVERGED", `${what}${where}`, { block, sealedHere, sinceMs, evidence: evidence ?? null });
}

export function createDivergenceAlarm(deps: DivergenceAlarmDeps): DivergenceAlarm {
  const { engine, evidenceBook, clock, logger, self, peers } = deps;
  /** By name of the evidence, in the order in which they were found out. */
  const open = new Map<string, Open>();
  let isLatched = false;

  /** Where the document is, if it could be written. */
  const save = (name: string, document: object): string | undefined => {
    try {
      evidenceBook?.save(name, document);
      return evidenceBook?.pathOf(name);
    } catch (error) {
      logger.error("evidence of a divergence could not be written", { name, error: String(error) });
      return undefined;
    }
  };
  const settle = (name: string, { hash, number, document }: Open, settlement: Settlement): void => {
    open.delete(name);
    save(name, settled(document, settlement, clock.now()));
    logger.info("a divergence is over", { number, hash, settlement });
  };
  const agreesWithMost = (): boolean => {
    const others = peers.executing();
    return areMost(others.filter(({ inStep }) => inStep).length, others.length);
  };
  const review = (): void => {
    if (isLatched) return;
    for (const [name, divergence] of open) {
      if (!divergence.sealedHere && engine.isCanonical(divergence.hash)) settle(name, divergence, "executed");
      else if (agreesWithMost()) settle(name, divergence, "agreed");
    }
  };
  const load = (): void => {
    for (const [name, document] of evidenceBook?.load() ?? []) {
      const divergence = openDivergence(document);
      if (divergence === undefined) continue;
      open.set(name, { ...divergence, evidence: evidenceBook?.pathOf(name), document });
    }
    review();
    for (const [evidence, { number, hash }] of open) {
      logger.error("this node had diverged, and is not in step again", { number, hash, evidence });
    }
  };

  load();
  return {
    get divergence() {
      const last = [...open.values()].at(-1);
      if (last === undefined) return undefined;
      const { hash, number, sealedHere, sinceMs, evidence } = last;
      return { block: { hash, number }, sealedHere, sinceMs, ...(evidence === undefined ? {} : { evidence }) };
    },
    get isLatched() {
      return isLatched;
    },
    reaffirm({ hash, number }) {
      if (![...open.values()].some((divergence) => divergence.hash === hash)) return false;
      isLatched = true;
      logger.error("execution here still contradicts the block at which this node diverged", { number, hash });
      return true;
    },
    raise(refused, witnesses, sealedHere = false) {
      const { hash, number } = refused.header;
      const nowMs = clock.now();
      const document = evidenceDocument({ refused, witnesses, nowMs, sealedHere }, self);
      const name = evidenceName({ hash, number });
      const evidence = save(name, document);
      open.delete(name);
      open.set(name, { hash, number, sinceMs: nowMs, sealedHere, evidence, document });
      isLatched = true;
      const against = witnesses.filter(({ stand }) => stand === (sealedHere ? "other" : "holds")).length;
      const fields = { number, hash, evidence, against, peers: witnesses.length, reason: refused.message };
      logger.error("this node has diverged: its execution contradicts what most peers hold", fields);
    },
    keepRefused(refused, witnesses) {
      const { hash, number, coinbase } = refused.header;
      const findings = { refused, witnesses, nowMs: clock.now(), sealedHere: false, settlement: "refused" } as const;
      const document = evidenceDocument(findings, self);
      const evidence = save(evidenceName({ hash, number }), document);
      const fields = { number, hash, signer: coinbase, evidence, reason: refused.message };
      logger.error("a listed signer has sealed a block that execution contradicts", fields);
    },
    review,
  };
}
