/** What a campaign reached, as text. */

import type { Campaign } from "./run.ts";

const counts = (of: ReadonlyMap<string, number>): string =>
  [...of].map(([name, count]) => `${name} ${count}`).join(", ");

const names = (of: readonly (readonly [string, unknown])[]): string =>
  of.length === 0 ? "none" : of.map(([name]) => name).join(" ");

/** Opcodes that cannot end a frame by a halt, being free and always allowed. */
const CANNOT_FAIL: ReadonlySet<string> = new Set(["STOP"]);

export function reportLines({ fork, coverage, blocks, transactions, failures }: Campaign): readonly string[] {
  const { opcodes, halts, precompiles, depths, transactions: outcomes } = coverage.report();
  const all = [...opcodes];
  const idle = all.filter(([, { succeeded }]) => succeeded === 0);
  const safe = all.filter(([name, { failed }]) => failed === 0 && !CANNOT_FAIL.has(name));
  const executed = all.reduce((sum, [, { succeeded, failed }]) => sum + succeeded + failed, 0);
  const called = [...precompiles].map(
    ([address, it]) => `0x${BigInt(address).toString(16)} ${it.succeeded}/${it.failed}`,
  );
  return [
    `${fork}: ${blocks} blocks with ${transactions} transactions, ${executed} opcodes; ${failures} failures`,
    `  opcodes: ${all.length - idle.length} of ${all.length} succeeded (never: ${names(idle)}), ` +
      `${all.length - CANNOT_FAIL.size - safe.length} of ${all.length - CANNOT_FAIL.size} halted (never: ${names(safe)})`,
    `  halts: ${counts(halts)}`,
    `  precompiles, succeeded/failed: ${called.join(", ")}`,
    `  messages by depth: ${counts(depths)}`,
    `  transactions: ${counts(outcomes)}`,
  ];
}
