/** Integers exactly as written: JSON numbers by their source text, decimal strings, 0x strings. */

/** 2^256 has 78 digits: what is longer fits no ABI type. */
const DIGITS_MAX = 80;
const TEXT_LENGTH_MAX = 1_024;

/** The value, or why there is none. */
export type ParsedInteger = { readonly value: bigint } | { readonly problem: string };

const OUT_OF_RANGE: ParsedInteger = { problem: "is out of range" };

function scaled(sign: string, digits: string, exponent: number): ParsedInteger {
  const significant = digits.replace(/^0+/, "");
  if (significant === "") return { value: 0n };
  const kept = significant.replace(/0+$/, "");
  const power = exponent + significant.length - kept.length;
  if (power < 0) return { problem: "is not a whole number" };
  if (kept.length + power > DIGITS_MAX) return OUT_OF_RANGE;
  return { value: BigInt(`${sign}${kept}${"0".repeat(power)}`) };
}

/** A JSON number by its source text: `1e27` and `1.5e1` are whole numbers, `1.5` is not. */
export function parseNumberSource(source: string): ParsedInteger {
  const match = source.length > TEXT_LENGTH_MAX ? null : /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(source);
  if (match === null) return { problem: "is not a number" };
  const fraction = match[3] ?? "";
  return scaled(match[1] as string, `${match[2]}${fraction}`, Number(match[4] ?? 0) - fraction.length);
}

/** A string of decimal digits with an optional minus, or of 0x and hexadecimal digits. */
export function parseIntegerText(text: string): ParsedInteger {
  if (text.length > TEXT_LENGTH_MAX) return OUT_OF_RANGE;
  if (/^0x[0-9a-fA-F]+$/.test(text)) return text.length > 2 + 64 ? OUT_OF_RANGE : { value: BigInt(text) };
  if (!/^-?\d+$/.test(text)) return { problem: "is neither a decimal number nor 0x and hexadecimal digits" };
  return text.length > DIGITS_MAX ? OUT_OF_RANGE : { value: BigInt(text) };
}
