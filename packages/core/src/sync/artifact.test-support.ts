/** What merging artifacts means: every store of records is tested against it. */

import { compareArtifacts } from "./artifact.ts";
import type { ArtifactRecord } from "./artifact-types.ts";

/** The greater of two records of one contract. */
export function mergeArtifacts(a: ArtifactRecord, b: ArtifactRecord): ArtifactRecord {
  return compareArtifacts(a, b) >= 0 ? a : b;
}
