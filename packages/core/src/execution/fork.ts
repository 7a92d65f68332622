/** The rule sets of Ethereum by the names that other tools use, oldest first. */

/** Muir Glacier, Arrow Glacier and Gray Glacier changed no execution rule and are not listed. */
export type Fork =
  | "frontier"
  | "homestead"
  /** EIP-150, "Tangerine Whistle". */
  | "tangerine"
  /** EIP-158, "Spurious Dragon". */
  | "spurious"
  | "byzantium"
  | "constantinople"
  /** Constantinople without EIP-1283. */
  | "petersburg"
  | "istanbul"
  | "berlin"
  | "london"
  /** "The Merge". */
  | "paris"
  | "shanghai"
  | "cancun"
  | "prague"
  | "osaka";

export const FORKS: readonly Fork[] = [
  "frontier",
  "homestead",
  "tangerine",
  "spurious",
  "byzantium",
  "constantinople",
  "petersburg",
  "istanbul",
  "berlin",
  "london",
  "paris",
  "shanghai",
  "cancun",
  "prague",
  "osaka",
];

/** Whether the rules of `first` are among those of `fork`. */
export const isAtLeast = (fork: Fork, first: Fork): boolean => FORKS.indexOf(fork) >= FORKS.indexOf(first);
