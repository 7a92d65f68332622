/**
 * Evidence of divergences: one JSON file each, in a folder of its own beside the database, for people to read, to take
 * away and to send on. A file that is moved away is forgotten.
 */

import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "@counterpart/core/ports/runtime";

/** Files that are kept. Those that are settled go first, then those that were found out first. */
export const EVIDENCE_MAX = 16;
const FOLDER = "divergence";
const EXTENSION = ".json";

export interface EvidenceFiles {
  /** Every document that is there, by name; what is none is passed over. */
  load(): readonly (readonly [string, unknown])[];
  /** Writes a document in one go, in place of one of the same name. @throws when it cannot be written */
  save(name: string, document: object): void;
  /** The path of a document within the data directory. */
  pathOf(name: string): string;
}

interface Kept {
  readonly noted_at?: unknown;
  readonly settled_at?: unknown;
}

const isSettled = ({ settled_at }: Kept): boolean => settled_at !== null;
const notedAt = ({ noted_at }: Kept): number => (typeof noted_at === "number" ? noted_at : 0);
/** The one to go first comes first. */
const byWorth = ([, a]: readonly [string, unknown], [, b]: readonly [string, unknown]): number =>
  Number(isSettled(b as Kept)) - Number(isSettled(a as Kept)) || notedAt(a as Kept) - notedAt(b as Kept);

export function createEvidenceFiles(dataDir: string, logger: Logger): EvidenceFiles {
  const folder = join(dataDir, FOLDER);
  const fileOf = (name: string): string => join(folder, `${name}${EXTENSION}`);
  const names = (): string[] => {
    try {
      return readdirSync(folder)
        .filter((file) => file.endsWith(EXTENSION))
        .map((file) => file.slice(0, -EXTENSION.length));
    } catch {
      return [];
    }
  };
  const read = (name: string): (readonly [string, unknown])[] => {
    try {
      const document: unknown = JSON.parse(readFileSync(fileOf(name), "utf8"));
      if (typeof document === "object" && document !== null) return [[name, document]];
    } catch (error) {
      logger.warn("a file of evidence cannot be read", { file: fileOf(name), error: String(error) });
    }
    return [];
  };
  const load = () => names().sort().flatMap(read);

  return {
    load,
    save(name, document) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const unfinished = `${fileOf(name)}.tmp`;
      const { version, platform, arch } = process;
      const machine = { node: version, platform, arch };
      writeFileSync(unfinished, `${JSON.stringify({ ...document, machine }, null, 2)}\n`, { mode: 0o600, flush: true });
      renameSync(unfinished, fileOf(name));
      const others = load().filter(([other]) => other !== name);
      for (const [other] of others.sort(byWorth).slice(0, Math.max(0, others.length - (EVIDENCE_MAX - 1)))) {
        rmSync(fileOf(other), { force: true });
      }
    },
    pathOf: (name) => `${FOLDER}/${name}${EXTENSION}`,
  };
}
