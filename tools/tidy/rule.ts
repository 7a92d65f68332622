/** What a rule is given and what it answers. */

import type { SourceFile } from "typescript/unstable/ast";
import type { TextFile } from "./files.ts";
import type { Import } from "./syntax.ts";

export interface Source extends TextFile {
  readonly tree: SourceFile;
  readonly imports: readonly Import[];
  /** A test, or a file that only tests import: `x.test.ts`, `x.test-support.ts`, `testing.ts`, `testing/x.ts`. */
  readonly isTest: boolean;
}

export interface Repository {
  /** Every text file. */
  readonly files: readonly TextFile[];
  /** The TypeScript and JavaScript among them. */
  readonly sources: readonly Source[];
}

export interface Violation {
  readonly path: string;
  /** 1-based. */
  readonly line: number;
  readonly message: string;
}

export interface Rule {
  /** Kebab-case; also the name of its folder in fixtures. */
  readonly name: string;
  readonly check: (repository: Repository) => Violation[];
}

export const isTestPath = (path: string): boolean => /\.test(-support)?\.ts$|(^|\/)testing(\.ts$|\/)/.test(path);
