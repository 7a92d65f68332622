/** How far an import has come, for people and for machines. */

import type { ImportedBlock } from "../engine/chain-import.ts";
import { perSecond } from "./render/progress.ts";
import { duration } from "./render/units.ts";

/** What has been done so far. */
export interface ImportProgress {
  /** Number of the head. */
  readonly block: number;
  readonly hash: string;
  /** Blocks, transactions and gas executed by this run. */
  readonly blocks: number;
  readonly transactions: number;
  readonly gas: number;
  /** Blocks of the file that were held before. */
  readonly held: number;
  readonly elapsed_ms: number;
  readonly blocks_per_second: number;
  readonly gas_per_second: number;
  /** Bytes of the file. */
  readonly bytes: number;
  readonly bytes_total: number;
  /** At the rate so far; null before anything was executed. */
  readonly remaining_ms: number | null;
}

export interface ImportMeter {
  /** @param bytes of the file that were read */
  note(block: ImportedBlock, bytes: number): void;
  progress(): ImportProgress;
}

/** @param now milliseconds of a clock that only goes forward */
export function createImportMeter(head: ImportedBlock["header"], bytesTotal: number, now: () => number): ImportMeter {
  const done = { blocks: 0, transactions: 0, gas: 0, held: 0, bytes: 0 };
  const began = now();
  /** When the first block was executed, and how much of the file was behind it: what is held goes by faster. */
  let executing: { readonly sinceMs: number; readonly bytes: number } | undefined;
  let last = head;
  let notedAt = began;
  const remaining = (): number | null => {
    const advanced = executing === undefined ? 0 : done.bytes - executing.bytes;
    if (executing === undefined || advanced <= 0) return null;
    return Math.round(((bytesTotal - done.bytes) * (now() - executing.sinceMs)) / advanced);
  };
  return {
    note({ header, isHeld, transactions }, bytes) {
      if (isHeld) done.held++;
      else {
        executing ??= { sinceMs: notedAt, bytes: done.bytes };
        last = header;
        done.blocks++;
        done.transactions += transactions;
        done.gas += header.gasUsed;
      }
      done.bytes = Math.min(bytes, bytesTotal);
      notedAt = now();
    },
    progress() {
      const elapsed = now() - began;
      const { blocks, transactions, gas, held, bytes } = done;
      return {
        block: last.number,
        hash: last.hash,
        blocks,
        transactions,
        gas,
        held,
        elapsed_ms: Math.round(elapsed),
        blocks_per_second: perSecond(blocks, elapsed),
        gas_per_second: perSecond(gas, elapsed),
        bytes,
        bytes_total: bytesTotal,
        remaining_ms: remaining(),
      };
    },
  };
}

const mega = (gas: number): string => (gas / 1e6).toFixed(1);

/** One line while the import goes on. */
export function progressLine(progress: ImportProgress): string {
  const {
    block,
    blocks_per_second: rate,
    gas_per_second: gas,
    bytes,
    bytes_total: total,
    remaining_ms: left,
  } = progress;
  const part = total === 0 ? 100 : Math.floor((bytes / total) * 100);
  const eta = left === null ? "" : `, ${duration(left)} left`;
  return `block ${block}  ${rate} blocks/s  ${mega(gas)} Mgas/s  ${part} %${eta}`;
}

/** What was done, when it has ended. */
export function summaryLines(progress: ImportProgress): string {
  const { block, hash, blocks, transactions, gas, held, elapsed_ms: ms } = progress;
  const known = held === 0 ? "" : ` (${held} were held)`;
  const rates = `${progress.blocks_per_second} blocks/s, ${mega(progress.gas_per_second)} Mgas/s`;
  return (
    `${blocks} blocks${known}, ${transactions} transactions and ${mega(gas)} Mgas in ${(ms / 1_000).toFixed(1)} s: ` +
    `${rates}\nhead      block ${block}  ${hash}\n`
  );
}
