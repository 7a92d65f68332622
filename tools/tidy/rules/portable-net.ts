import type { Rule } from "../rule.ts";

const NET = "packages/node/src/net/";

/** The network adapter runs in a browser too, once its transports are replaced. */
export const portableNet: Rule = {
  name: "portable-net",
  check: (repository) =>
    repository.sources
      .filter((it) => it.path.startsWith(NET) && it.path !== `${NET}transports.ts` && !it.isTest)
      .flatMap((source) =>
        source.imports
          .filter((imported) => imported.specifier.startsWith("node:"))
          .map(({ line, specifier }) => ({
            path: source.path,
            line,
            message: `${specifier} belongs in net/transports.ts`,
          })),
      ),
};
