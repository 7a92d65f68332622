import type { Rule } from "../rule.ts";
import { linesMatching } from "./text-lines.ts";

/** Absolute paths of one machine, and the folder beside the repository that only this project's makers have. */
const PATHS = /(^|[^\w.@/-])(\/work\/|\/root\/|\/home\/\w+\/|(\.\.\/)*shared\/)/;
/** Looks for the test vectors in the folder beside the repository. */
const ALLOWED: ReadonlySet<string> = new Set([".ci/run"]);

/** The project knows nothing of the machine it was written on. */
export const machinePaths: Rule = {
  name: "machine-paths",
  check: (repository) =>
    repository.files
      .filter((file) => !ALLOWED.has(file.path))
      .flatMap((file) => linesMatching(file, PATHS, "a path of the machine it was written on")),
};
