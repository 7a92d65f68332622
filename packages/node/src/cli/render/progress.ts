/** How far long work has come: one line that is written over, on a terminal only. */

import { endModules } from "../../store/child.ts";
import type { CommandContext } from "../context.ts";
import { EXIT } from "../exit-code.ts";
import { duration } from "./units.ts";

interface Progress {
  /** Shows the text in the place of the one before. */
  show(text: string): void;
  /** Takes the line away, so that a result can stand in its place. */
  clear(): void;
}

/** On standard error; nothing where that is no terminal. */
function createProgress({ isErrorTerminal, printError }: CommandContext): Progress | undefined {
  if (!isErrorTerminal) return undefined;
  return {
    show: (text) => printError(`\r\x1b[K${text}\r`),
    clear: () => printError("\r\x1b[K"),
  };
}

/** What long work of a command is given: results, progress where somebody looks, and a clock. */
export interface WorkOutput {
  print(text: string): void;
  progress?(text: string): void;
  now(): number;
  /**
   * Takes away what the work has left when it is told to end: by Ctrl-C, by SIGTERM, or by the end of the launcher. What runs
   * for it has ended before.
   */
  onStop?(cleanUp: () => void): void;
}

/** A process that waits for the disk cannot be ended before. */
const ENDING_MS_MAX = 5_000;

const STOPS = [
  ["SIGINT", EXIT.interrupted],
  ["SIGTERM", EXIT.terminated],
  ["parentGone", EXIT.terminated],
] as const;

/**
 * Results take the place of the line of progress; `done` takes the last one away.
 * @param json a program reads the results, and nobody the progress
 */
export function createWorkOutput(context: CommandContext, json = false): WorkOutput & { done(): void } {
  const progress = json ? undefined : createProgress(context);
  const cleanUps: (() => void)[] = [];
  const stop = async (code: number): Promise<void> => {
    await Promise.race([endModules(), context.wait(ENDING_MS_MAX)]);
    progress?.clear();
    try {
      for (const cleanUp of cleanUps) cleanUp();
    } finally {
      context.host.exit(code);
    }
  };
  return {
    print(text) {
      progress?.clear();
      context.print(text);
    },
    ...(progress !== undefined && { progress: progress.show }),
    now: context.now,
    onStop(cleanUp) {
      cleanUps.push(cleanUp);
      if (cleanUps.length > 1) return;
      for (const [event, code] of STOPS) context.host.on(event, () => void stop(code));
    },
    done: () => progress?.clear(),
  };
}

export interface Pace {
  /** Since the work began. */
  readonly elapsedMs: number;
  readonly done: number;
  /** Absent where nobody knows. */
  readonly total?: number;
}

/** Units a second, rounded. */
export const perSecond = (count: number, ms: number): number => (ms <= 0 ? 0 : Math.round((count * 1_000) / ms));

/** Milliseconds that are left at the rate so far; undefined before there is a rate. */
export function remainingMs({ elapsedMs, done, total }: Pace): number | undefined {
  if (total === undefined || done <= 0 || elapsedMs <= 0) return undefined;
  return Math.max(0, Math.round(((total - done) * elapsedMs) / done));
}

/** Such as "1200 rows/s  45 %, 12 s left". */
export function paceText(pace: Pace, unit: string): string {
  const rate = `${perSecond(pace.done, pace.elapsedMs)} ${unit}/s`;
  if (pace.total === undefined) return rate;
  const part = pace.total === 0 ? 100 : Math.min(100, Math.floor((pace.done / pace.total) * 100));
  const left = remainingMs(pace);
  return `${rate}  ${part} %${left === undefined ? "" : `, ${duration(left)} left`}`;
}

const SHOWN_EVERY_MS = 200;

/** Shows how far work has come, now and then; the work begins now. */
export function createMeter(
  { progress, now }: Pick<WorkOutput, "progress" | "now">,
  unit: string,
): (what: string, done: number, total?: number) => void {
  const since = now();
  let shownAt = since;
  return (what, done, total) => {
    const at = now();
    if (progress === undefined || at - shownAt < SHOWN_EVERY_MS) return;
    shownAt = at;
    const pace = { elapsedMs: at - since, done, ...(total !== undefined && { total }) };
    progress(`  …    ${what}: ${paceText(pace, unit)}`);
  };
}
