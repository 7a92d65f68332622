/** What a browser is given: one module of JavaScript, made as an application's own build would make it. */

import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const ENTRY = fileURLToPath(new URL("page.ts", import.meta.url));
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export interface Bundle {
  readonly code: string;
  readonly sizeBytes: number;
  readonly gzipBytes: number;
  /** Paths, relative to the repository, of the sources that went into it. */
  readonly sources: readonly string[];
}

/** Fails when anything on the way imports a module of Node: a browser has none. */
export async function bundlePage(): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    ...{ entryPoints: [ENTRY], absWorkingDir: ROOT, bundle: true, minify: true, write: false, metafile: true },
    ...{ platform: "browser", format: "esm", target: "es2022", logLevel: "silent" },
  });
  const [file] = outputFiles;
  if (file === undefined) throw new Error("the bundler gave nothing");
  return {
    code: file.text,
    sizeBytes: file.contents.length,
    gzipBytes: gzipSync(file.contents).length,
    sources: Object.keys(metafile.inputs),
  };
}
