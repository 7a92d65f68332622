/**
 * `npm run build`: what is published, in `packages/<name>/dist`: compiled JavaScript, declarations, and a package.json
 * that points to them. Nothing in the repository runs from there.
 */

import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync, existsSync, globSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { tryPackages } from "./try-packages.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const PACKAGES = ["core", "node"] as const;
const NODE_VERSION = ">=24";

/** Exports of the compiled packages; those of the sources are in their package.json. */
const EXPORTS: Readonly<Record<(typeof PACKAGES)[number], object>> = {
  core: { "./*": { types: "./src/*.d.ts", default: "./src/*.js" } },
  node: { ".": { types: "./src/app.d.ts", default: "./src/app.js" } },
};

for (const name of PACKAGES) rmSync(join(ROOT, "packages", name, "dist"), { recursive: true, force: true });
const tsc = join(ROOT, "node_modules/.bin/tsc");
const compiled = spawnSync(tsc, ["-b", "--force", "tsconfig.build.json"], { cwd: ROOT, stdio: "inherit" });
if (compiled.status !== 0) process.exit(1);
for (const name of PACKAGES) completePackage(name);
tryPackages(ROOT, PACKAGES);

/** Adds what the compiler does not: data files, the launcher, licence and manifest. */
function completePackage(name: (typeof PACKAGES)[number]): void {
  const folder = join(ROOT, "packages", name);
  const dist = join(folder, "dist");
  for (const path of globSync("src/**/*.json", { cwd: folder })) cpSync(join(folder, path), join(dist, path));
  if (existsSync(join(folder, "bin"))) cpSync(join(folder, "bin"), join(dist, "bin"), { recursive: true });
  for (const file of ["LICENSE", "NOTICE"]) copyFileSync(join(ROOT, file), join(dist, file));
  const manifest: object = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const published = { ...manifest, engines: { node: NODE_VERSION }, exports: EXPORTS[name] };
  writeFileSync(join(dist, "package.json"), `${JSON.stringify(published, null, 2)}\n`);
}
