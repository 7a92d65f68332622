import type { Rule } from "../rule.ts";

const SOURCE_LINES_MAX = 400;
const TEST_LINES_MAX = 800;

/** A file is small enough to be read at once. */
export const fileLength: Rule = {
  name: "file-length",
  check: (repository) =>
    repository.sources.flatMap(({ path, text, isTest }) => {
      const lines = text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
      const max = isTest ? TEST_LINES_MAX : SOURCE_LINES_MAX;
      return lines > max ? [{ path, line: 1, message: `${lines} lines, of at most ${max}` }] : [];
    }),
};
