/** Installs the built packages beside the dependencies of this repository, and asks the command for its version. */

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const SCOPE = "@counterpart";

/** @throws when a module of the packages cannot be loaded */
export function tryPackages(root: string, names: readonly string[]): void {
  const folder = mkdtempSync(join(tmpdir(), "counterpart-build-"));
  try {
    const modules = join(folder, "node_modules");
    mkdirSync(join(modules, SCOPE), { recursive: true });
    for (const name of names) {
      cpSync(join(root, "packages", name, "dist"), join(modules, SCOPE, name), { recursive: true });
      linkModules(join(root, "packages", name, "node_modules"), modules);
    }
    linkModules(join(root, "node_modules"), modules);
    const node = join(modules, SCOPE, "node");
    execFileSync(process.execPath, ["--input-type=module", "-e", `await import("${SCOPE}/node")`], { cwd: folder });
    const version = execFileSync(process.execPath, [join(node, "bin/counterpart.mjs"), "--version"], {
      encoding: "utf8",
    });
    console.log(`built ${names.map((name) => `${SCOPE}/${name}`).join(" and ")} ${version.trim()}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Links every module of `from` that `to` does not have yet. */
function linkModules(from: string, to: string): void {
  for (const name of entries(from)) {
    if (name !== SCOPE && !name.startsWith(".") && !entries(to).includes(name))
      symlinkSync(join(from, name), join(to, name));
  }
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
