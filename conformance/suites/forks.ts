/** The forks of the official vectors. */

import type { Fork } from "@counterpart/core/execution/fork";

const NAMES: Readonly<Record<string, Fork>> = {
  Frontier: "frontier",
  Homestead: "homestead",
  EIP150: "tangerine",
  TangerineWhistle: "tangerine",
  EIP158: "spurious",
  SpuriousDragon: "spurious",
  Byzantium: "byzantium",
  Constantinople: "constantinople",
  ConstantinopleFix: "petersburg",
  Istanbul: "istanbul",
  MuirGlacier: "istanbul",
  Berlin: "berlin",
  London: "london",
  ArrowGlacier: "london",
  GrayGlacier: "london",
  Merge: "paris",
  Paris: "paris",
  Shanghai: "shanghai",
  Cancun: "cancun",
  Prague: "prague",
  Osaka: "osaka",
};

/** The fork that a vector names; undefined for one that the fork table does not have. */
export const forkNamed = (name: string): Fork | undefined => (Object.hasOwn(NAMES, name) ? NAMES[name] : undefined);
