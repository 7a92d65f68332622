/** Times, sizes and amounts as people read them. */

const DURATIONS = [
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60],
] as const;

/** Such as "12 s" or "3 min". */
export function duration(ms: number): string {
  const seconds = ms / 1_000;
  for (const [unit, length] of DURATIONS) {
    if (seconds >= 2 * length) return `${Math.round(seconds / length)} ${unit}`;
  }
  return seconds >= 10 ? `${Math.round(seconds)} s` : `${seconds.toFixed(1)} s`;
}

const SIZES = ["KiB", "MiB", "GiB", "TiB"] as const;

/** Such as "3.2 MiB". */
export function size(bytes: number): string {
  let value = bytes / 1_024;
  let at = 0;
  while (value >= 1_024 && at < SIZES.length - 1) {
    value /= 1_024;
    at++;
  }
  return `${at === 0 ? Math.round(value) : value.toFixed(1)} ${SIZES[at]}`;
}

/** A time of the API, milliseconds since 1970, in UTC: "2026-01-31 12:00:00Z". */
export const moment = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")}Z`;

/**
 * An amount of base units in whole ones, exactly: "1500000" with 6 decimals is "1.5". Undefined when it is no decimal
 * number.
 */
export function wholeUnits(baseUnits: string, decimals: number): string | undefined {
  if (!/^\d+$/.test(baseUnits) || decimals > 255) return undefined;
  const digits = baseUnits.padStart(decimals + 1, "0");
  const fraction = digits.slice(digits.length - decimals).replace(/0+$/, "");
  const whole = digits.slice(0, digits.length - decimals).replace(/^0+(?=\d)/, "");
  return decimals === 0 || fraction === "" ? whole : `${whole}.${fraction}`;
}

/** A hash or an address, as much of it as tells it apart in a list. */
export const shortened = (hash: string): string =>
  hash.length <= 14 ? hash : `${hash.slice(0, 10)}…${hash.slice(-4)}`;
