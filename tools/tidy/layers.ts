/** Who may import whom: the layers of both packages, lowest first. */

import { posix } from "node:path";

/** A file's place: its package and the folder (or root file) that is its layer. */
export interface Place {
  readonly package: "core" | "node";
  readonly layer: string;
}

/** Core's layers; those of one row may not import each other. */
const CORE_LAYERS: readonly (readonly string[])[] = [
  ["base"],
  ["codec"],
  ["crypto"],
  ["trie"],
  ["chain"],
  ["execution"],
  ["consensus"],
  ["sync"],
  ["verify"],
];

/** Node's layers; adapters, which stand in one row, meet in `app` only. */
const NODE_LAYERS: readonly (readonly string[])[] = [
  ["config-defaults"],
  ["config", "version", "app-types"],
  ["store", "net", "keys", "telemetry", "crypto", "compression"],
  ["engine"],
  ["contracts"],
  ["driver"],
  ["api"],
  ["app"],
  ["cli"],
];

/** Types only: what the rest of core is given by its surroundings. */
export const PORTS = "ports";

const PACKAGE_SOURCE = /^packages\/(core|node)\/src\/([^/]+)/;

/** The place of a source below `packages/core/src` or `packages/node/src`; undefined for any other file. */
export function placeOf(path: string): Place | undefined {
  const found = PACKAGE_SOURCE.exec(path);
  if (found?.[1] === undefined || found[2] === undefined) return undefined;
  return { package: found[1] === "core" ? "core" : "node", layer: found[2].replace(/\.ts$/, "") };
}

/** Height of a layer in its package, the lowest being 0; undefined for a layer that the map does not know. */
export function heightOf(place: Place): number | undefined {
  const layers = place.package === "core" ? CORE_LAYERS : NODE_LAYERS;
  const height = layers.findIndex((row) => row.includes(place.layer));
  return height === -1 ? undefined : height;
}

/** Path of the file that an import in `from` names, relative to the root; undefined for other packages. */
export function resolveImport(from: string, specifier: string): string | undefined {
  if (specifier.startsWith(".")) return posix.join(posix.dirname(from), specifier);
  const core = /^@counterpart\/core\/(.+)$/.exec(specifier);
  if (core !== null) return `packages/core/src/${core[1]}.ts`;
  return specifier === "@counterpart/node" ? "packages/node/src/app.ts" : undefined;
}
