/** Compiled contracts and sources in requests. */

import { CodedError } from "@counterpart/core/base/errors";
import type { CodeSource } from "../../contracts/types.ts";
import { defined } from "./schemas.ts";

/** Fields by which a request brings a contract's code. */
export interface CodeJson {
  readonly artifact?: unknown;
  readonly source?: string;
  readonly sources?: Readonly<Record<string, string>>;
  readonly contract?: string;
  readonly optimizer_runs?: number;
  readonly via_ir?: boolean;
  readonly libraries?: Readonly<Record<string, string>>;
}

/** Path of the one file of a request without paths. */
const SOURCE_PATH = "Contract.sol";
const OF_SOURCE = ["contract", "optimizer_runs", "via_ir"] as const;

const invalid = (field: string, reason: string): CodedError =>
  new CodedError("INVALID_REQUEST", `body.${field} ${reason}`, { field });

/**
 * Undefined where the request brings neither an artifact nor a source.
 * @throws CodedError `INVALID_REQUEST`
 */
export function codeSourceOf(body: CodeJson): CodeSource | undefined {
  const { artifact, source, sources, libraries } = body;
  const given = (["artifact", "source", "sources"] as const).filter((name) => body[name] !== undefined);
  if (given.length > 1) throw invalid(given[1] as string, `and body.${given[0]} exclude each other`);
  const text = sources ?? (source === undefined ? undefined : { [SOURCE_PATH]: source });
  const misplaced = text === undefined ? OF_SOURCE.find((name) => body[name] !== undefined) : undefined;
  if (misplaced !== undefined) throw invalid(misplaced, "needs source or sources");
  if (text !== undefined) {
    return defined({
      kind: "source" as const,
      sources: text,
      contract: body.contract,
      optimizerRuns: body.optimizer_runs,
      viaIr: body.via_ir,
      libraries,
    });
  }
  if (artifact !== undefined) return defined({ kind: "artifact" as const, artifact, libraries });
  if (libraries !== undefined) throw invalid("libraries", "needs artifact, source or sources");
  return undefined;
}
