/**
 * Syntax trees of all sources at once, from the TypeScript compiler itself. Its JavaScript API is marked unstable, so
 * it is used in this folder only, and the exact version is pinned in package.json.
 */

import { join } from "node:path";
import type { SourceFile } from "typescript/unstable/ast";
import { API } from "typescript/unstable/sync";
import type { TextFile } from "./files.ts";

const CONFIG_NAME = ".tidy-tsconfig.json";
const SOURCE = /\.(ts|mts|mjs)$/;

export const isSourcePath = (path: string): boolean => SOURCE.test(path) && !path.endsWith(".d.ts");

/**
 * Parses the sources among `files` without resolving their imports.
 * @param root absolute folder the paths are relative to
 * @param withTrees receives the trees by path; they must not be used after it returned
 */
export function withSyntaxTrees<T>(
  root: string,
  files: readonly TextFile[],
  withTrees: (trees: ReadonlyMap<string, SourceFile>) => T,
): T {
  const sources = files.filter((file) => isSourcePath(file.path));
  const api = openCompiler(root, sources);
  try {
    const project = api.updateSnapshot({ openProjects: [join(root, CONFIG_NAME)] }).getProjects()[0];
    if (project === undefined) throw new Error("the compiler opened no project");
    const trees = new Map<string, SourceFile>();
    for (const { path } of sources) {
      const tree = project.program.getSourceFile(join(root, path));
      if (tree === undefined) throw new Error(`the compiler did not parse ${path}`);
      trees.set(path, tree);
    }
    return withTrees(trees);
  } finally {
    api.close();
  }
}

function openCompiler(root: string, sources: readonly TextFile[]): API {
  const virtual = new Map(sources.map((file) => [join(root, file.path), file.text]));
  const compilerOptions = { noResolve: true, noLib: true, types: [], allowJs: true, noEmit: true, module: "NodeNext" };
  const config = {
    compilerOptions: { ...compilerOptions, allowImportingTsExtensions: true },
    files: [...virtual.keys()],
  };
  virtual.set(join(root, CONFIG_NAME), JSON.stringify(config));
  return new API({
    cwd: root,
    fs: {
      readFile: (name) => virtual.get(name),
      fileExists: (name) => (virtual.has(name) ? true : undefined),
    },
  });
}
