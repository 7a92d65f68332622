/** Operations on BLS12-381 (EIP-2537). */

import { NobleBLS } from "@ethereumjs/evm";
import { concatBytes, type Hex } from "../../base/bytes.ts";
import { checkBls12Pairing } from "../pairings.ts";
import type { Precompile } from "./types.ts";

/** Thousandths of a multiplication's price, by the number of pairs. */
const DISCOUNTS_G1: readonly number[] = [
  1000, 949, 848, 797, 764, 750, 738, 728, 719, 712, 705, 698, 692, 687, 682, 677, 673, 669, 665, 661, 658, 654, 651,
  648, 645, 642, 640, 637, 635, 632, 630, 627, 625, 623, 621, 619, 617, 615, 613, 611, 609, 608, 606, 604, 603, 601,
  599, 598, 596, 595, 593, 592, 591, 589, 588, 586, 585, 584, 582, 581, 580, 579, 577, 576, 575, 574, 573, 572, 570,
  569, 568, 567, 566, 565, 564, 563, 562, 561, 560, 559, 558, 557, 556, 555, 554, 553, 552, 551, 550, 549, 548, 547,
  547, 546, 545, 544, 543, 542, 541, 540, 540, 539, 538, 537, 536, 536, 535, 534, 533, 532, 532, 531, 530, 529, 528,
  528, 527, 526, 525, 525, 524, 523, 522, 522, 521, 520, 520, 519,
];
const DISCOUNTS_G2: readonly number[] = [
  1000, 1000, 923, 884, 855, 832, 812, 796, 782, 770, 759, 749, 740, 732, 724, 717, 711, 704, 699, 693, 688, 683, 679,
  674, 670, 666, 663, 659, 655, 652, 649, 646, 643, 640, 637, 634, 632, 629, 627, 624, 622, 620, 618, 615, 613, 611,
  609, 607, 606, 604, 602, 600, 598, 597, 595, 593, 592, 590, 589, 587, 586, 584, 583, 582, 580, 579, 578, 576, 575,
  574, 573, 571, 570, 569, 568, 567, 566, 565, 563, 562, 561, 560, 559, 558, 557, 556, 555, 554, 553, 552, 552, 551,
  550, 549, 548, 547, 546, 545, 545, 544, 543, 542, 541, 541, 540, 539, 538, 537, 537, 536, 535, 535, 534, 533, 532,
  532, 531, 530, 530, 529, 528, 528, 527, 526, 526, 525, 524, 524,
];

const bls = new NobleBLS();
const FIELD_BYTES = 64;
const FIELD_PADDING = 16;
const SCALAR_BYTES = 32;
/** A millisecond or two each. */
const PRODUCTS_PER_STEP = 4;

type Work = (input: Uint8Array) => Generator<void, Uint8Array>;

/** Whether each of so many field elements from `offset` on has the zeros that fill it up to 64 bytes. */
function arePadded(input: Uint8Array, offset: number, fields: number): boolean {
  for (let field = 0; field < fields; field++) {
    const start = offset + field * FIELD_BYTES;
    for (let at = start; at < start + FIELD_PADDING; at++) if (input[at] !== 0) return false;
  }
  return true;
}

function* attempt(work: Work, input: Uint8Array): Generator<void, Uint8Array | undefined> {
  try {
    return yield* work(input);
  } catch {
    return undefined;
  }
}

/** Runs work in steps to its end. */
export function finish<T>(work: Generator<void, T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value as T;
  }
}

interface Shape {
  /** Field elements at the beginning of each unit. */
  readonly fields: number;
  readonly unitBytes: number;
  readonly isRepeatable: boolean;
}

function isShaped(input: Uint8Array, { fields, unitBytes, isRepeatable }: Shape): boolean {
  if (input.length === 0 || input.length % unitBytes !== 0) return false;
  if (!isRepeatable && input.length !== unitBytes) return false;
  for (let offset = 0; offset < input.length; offset += unitBytes) if (!arePadded(input, offset, fields)) return false;
  return true;
}

function precompile(shape: Shape, gas: (input: Uint8Array) => number, work: Work): Precompile {
  function* steps(input: Uint8Array): Generator<void, Uint8Array | undefined> {
    return isShaped(input, shape) ? yield* attempt(work, input) : undefined;
  }
  return { gas, steps, run: (input) => finish(steps(input)) };
}

const once = (fields: number, gas: number, operation: (input: Uint8Array) => Uint8Array): Precompile =>
  precompile(
    { fields, unitBytes: fields * FIELD_BYTES, isRepeatable: false },
    () => gas,
    function* (input) {
      yield;
      return operation(input).slice();
    },
  );

interface Group {
  /** Field elements of a point. */
  readonly fields: number;
  readonly multiplication: number;
  readonly discounts: readonly number[];
  multiply(input: Uint8Array): Uint8Array;
  add(input: Uint8Array): Uint8Array;
}

/** A sum of products as the sum of the sums of a few. */
function sumOfProducts({ fields, multiplication, discounts, multiply, add }: Group): Precompile {
  const unitBytes = fields * FIELD_BYTES + SCALAR_BYTES;
  const gas = (input: Uint8Array): number => {
    const pairs = Math.floor(input.length / unitBytes);
    const discount = pairs === 0 ? 0 : (discounts[Math.min(pairs, discounts.length) - 1] as number);
    return Math.floor((pairs * multiplication * discount) / 1_000);
  };
  return precompile({ fields, unitBytes, isRepeatable: true }, gas, function* (input) {
    const stepBytes = PRODUCTS_PER_STEP * unitBytes;
    let sum = new Uint8Array(fields * FIELD_BYTES);
    for (let offset = 0; offset < input.length; offset += stepBytes) {
      sum = add(concatBytes(sum, multiply(input.subarray(offset, offset + stepBytes)))).slice();
      yield;
    }
    return sum;
  });
}

const PAIR_FIELDS = 6;
const pairing = precompile(
  { fields: PAIR_FIELDS, unitBytes: PAIR_FIELDS * FIELD_BYTES, isRepeatable: true },
  (input) => 37_700 + 32_600 * Math.floor(input.length / (PAIR_FIELDS * FIELD_BYTES)),
  function* (input) {
    const output = new Uint8Array(32);
    output[31] = (yield* checkBls12Pairing(input)) ? 1 : 0;
    return output;
  },
);

const G1: Group = {
  fields: 2,
  multiplication: 12_000,
  discounts: DISCOUNTS_G1,
  multiply: (input) => bls.msmG1(input),
  add: (input) => bls.addG1(input),
};
const G2: Group = {
  fields: 4,
  multiplication: 22_500,
  discounts: DISCOUNTS_G2,
  multiply: (input) => bls.msmG2(input),
  add: (input) => bls.addG2(input),
};

const at = (number: number): Hex => `0x${number.toString(16).padStart(40, "0")}`;

export const BLS12_381_PRECOMPILES: ReadonlyMap<Hex, Precompile> = new Map([
  [at(0x0b), once(4, 375, (input) => bls.addG1(input))],
  [at(0x0c), sumOfProducts(G1)],
  [at(0x0d), once(8, 600, (input) => bls.addG2(input))],
  [at(0x0e), sumOfProducts(G2)],
  [at(0x0f), pairing],
  [at(0x10), once(1, 5_500, (input) => bls.mapFPtoG1(input))],
  [at(0x11), once(2, 23_800, (input) => bls.mapFP2toG2(input))],
]);
