import type { Rule } from "../rule.ts";
import { linesMatching } from "./text-lines.ts";

/** Absolute paths of one machine: somebody's home folder. */
const PATHS = /(^|[^\w.@/-])(\/root\/|\/home\/\w+\/|\/Users\/\w+\/)/;

/** The project knows nothing of the machine it was written on. */
export const machinePaths: Rule = {
  name: "machine-paths",
  check: (repository) =>
    repository.files.flatMap((file) => linesMatching(file, PATHS, "a path of the machine it was written on")),
};
