/**
 * Installs the built packages beside the dependencies of this repository, asks the command for its version, and compiles
 * and runs the program that docs/ARCHITECTURE.md shows.
 */

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const SCOPE = "@counterpart";

/** How a program with a node in it is compiled. */
const COMPILER_OPTIONS = { target: "ES2024", module: "NodeNext", types: ["node"], strict: true };

/** @throws when a module of the packages cannot be loaded, or has not the types that it is said to have */
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
    tryExample(root, folder);
    const version = execFileSync(process.execPath, [join(node, "bin/counterpart.mjs"), "--version"], {
      encoding: "utf8",
    });
    console.log(`built ${names.map((name) => `${SCOPE}/${name}`).join(" and ")} ${version.trim()}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function tryExample(root: string, folder: string): void {
  const [, example] = /```ts\n(.+?)```/s.exec(readFileSync(join(root, "docs/ARCHITECTURE.md"), "utf8")) ?? [];
  if (example === undefined) throw new Error("docs/ARCHITECTURE.md shows no program");
  writeFileSync(join(folder, "example.ts"), example);
  const files = { "package.json": { type: "module" }, "tsconfig.json": { compilerOptions: COMPILER_OPTIONS } };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), JSON.stringify(content));
  for (const [program, ...args] of [[join(root, "node_modules/.bin/tsc")], [process.execPath, "example.js"]] as const) {
    execFileSync(program, args, { cwd: folder, encoding: "utf8" });
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
