/** Arithmetic that is too rare or too slow to be in the interpreter's loop. */

import { byteLength, power, signExtend } from "../arithmetic.ts";
import type { Frame } from "../frame.ts";
import { type Control, GO_ON, OUT_OF_GAS } from "../halts.ts";
import type { Machine } from "../machine.ts";
import type { Word } from "../word.ts";

/** An opcode that replaces two words by one. */
export const binary =
  (operation: (a: Word, b: Word) => Word) =>
  (_m: Machine, f: Frame): Control => {
    const a = f.pop();
    f.push(operation(a, f.pop()));
    return GO_ON;
  };

export const ternary =
  (operation: (a: Word, b: Word, c: Word) => Word) =>
  (_m: Machine, f: Frame): Control => {
    const a = f.pop();
    const b = f.pop();
    f.push(operation(a, b, f.pop()));
    return GO_ON;
  };

export const unary =
  (operation: (a: Word) => Word) =>
  (_m: Machine, f: Frame): Control => {
    f.push(operation(f.pop()));
    return GO_ON;
  };

export const signExtension = binary(signExtend);

/** EXP: for each byte of the exponent (EIP-160). */
export function exponentiate(m: Machine, f: Frame): Control {
  const base = f.pop();
  const exponent = f.pop();
  if (!f.charge(m.rules.exponentByte * byteLength(exponent))) return OUT_OF_GAS;
  f.push(power(base, exponent));
  return GO_ON;
}
