/** Operations on BLS12-381 (EIP-2537). */

import { hexToBytes, isZero } from "../../base/bytes.ts";
import { currentCrypto } from "../../crypto/crypto.ts";
import { type Bls12, type Group, PRODUCTS_MAX } from "../../crypto/curves.ts";
import { PORTABLE_BLS12_381 } from "./portable-bls12-381.ts";
import { assertElement, atOnce, inSteps, truth } from "./steps.ts";
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

const FIELD_ORDER = hexToBytes(
  "0x1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab",
);
/** An element of the field is filled with zeros in front. */
const FIELD_BYTES = 64;
const ELEMENT_BYTES = 48;
const FILLING_BYTES = FIELD_BYTES - ELEMENT_BYTES;
const SCALAR_BYTES = 32;
const FIRST_BYTES = 2 * FIELD_BYTES;
const SECOND_BYTES = 4 * FIELD_BYTES;
const PAIR_BYTES = FIRST_BYTES + SECOND_BYTES;
/** Whoever works in steps keeps the one it began with, as another may take its place meanwhile. */
export const bls12381 = (): Bls12 => currentCrypto().bls12381 ?? PORTABLE_BLS12_381;

/** Elements of the field without what they are filled with. @throws when one is none */
function readElements(bytes: Uint8Array): Uint8Array {
  const elements = new Uint8Array((bytes.length / FIELD_BYTES) * ELEMENT_BYTES);
  for (let at = 0; at * FIELD_BYTES < bytes.length; at++) {
    const offset = at * FIELD_BYTES + FILLING_BYTES;
    const element = bytes.subarray(offset, offset + ELEMENT_BYTES);
    if (!isZero(bytes.subarray(offset - FILLING_BYTES, offset))) throw new RangeError("not an element of the field");
    assertElement(element, FIELD_ORDER);
    elements.set(element, at * ELEMENT_BYTES);
  }
  return elements;
}

function writeElements(bytes: Uint8Array): Uint8Array {
  const filled = new Uint8Array((bytes.length / ELEMENT_BYTES) * FIELD_BYTES);
  for (let at = 0; at * FIELD_BYTES < filled.length; at++) {
    filled.set(bytes.subarray(at * ELEMENT_BYTES, (at + 1) * ELEMENT_BYTES), at * FIELD_BYTES + FILLING_BYTES);
  }
  return filled;
}

const readPoint = <P>(group: Group<P>, bytes: Uint8Array): P => group.fromAffine(readElements(bytes));
const writePoint = <P>(group: Group<P>, point: P): Uint8Array => writeElements(group.toAffine(point));

/** A point of the subgroup. @throws when it is none */
function readOfSubgroup<P>(group: Group<P>, bytes: Uint8Array): P {
  const point = readPoint(group, bytes);
  if (!group.isInSubgroup(point)) throw new RangeError("a point is not in the subgroup");
  return point;
}

type GroupOf = (curve: Bls12) => Group<unknown>;
const first: GroupOf = (curve) => curve.first;
const second: GroupOf = (curve) => curve.second;

/** The sum of two points of the curve, whatever their order. */
const addition = (groupOf: GroupOf, pointBytes: number, gas: number): Precompile =>
  atOnce(
    () => gas,
    (input) => {
      if (input.length !== 2 * pointBytes) return undefined;
      const group = groupOf(bls12381());
      const [a, b] = [input.subarray(0, pointBytes), input.subarray(pointBytes)];
      return writePoint(group, group.add(readPoint(group, a), readPoint(group, b)));
    },
  );

/** The sum of the products of points and factors, one after the other. */
function sumOf<P>(group: Group<P>, pointBytes: number, input: Uint8Array): P {
  const [points, factors]: [P[], Uint8Array[]] = [[], []];
  for (let offset = 0; offset < input.length; offset += pointBytes + SCALAR_BYTES) {
    const end = offset + pointBytes;
    points.push(readOfSubgroup(group, input.subarray(offset, end)));
    factors.push(input.subarray(end, end + SCALAR_BYTES));
  }
  return group.sumOfProducts(points, factors);
}

/** A sum of products as the sum of the sums of a few. */
function sumOfProducts(
  groupOf: GroupOf,
  pointBytes: number,
  product: number,
  discounts: readonly number[],
): Precompile {
  const pairBytes = pointBytes + SCALAR_BYTES;
  const gas = ({ length }: Uint8Array): number => {
    const pairs = Math.floor(length / pairBytes);
    const discount = pairs === 0 ? 0 : (discounts[Math.min(pairs, discounts.length) - 1] as number);
    return Math.floor((pairs * product * discount) / 1_000);
  };
  return inSteps(gas, function* (input) {
    if (input.length === 0 || input.length % pairBytes !== 0) return undefined;
    const group = groupOf(bls12381());
    let sum = group.zero;
    for (let offset = 0; offset < input.length; offset += PRODUCTS_MAX * pairBytes) {
      const part = input.subarray(offset, offset + PRODUCTS_MAX * pairBytes);
      sum = group.add(sum, sumOf(group, pointBytes, part));
      yield;
    }
    return writePoint(group, sum);
  });
}

/** Whether the product of the pairings is one, a pair a step. The last exponentiation is done once for all. */
const pairing = inSteps(
  ({ length }) => 37_700 + 32_600 * Math.floor(length / PAIR_BYTES),
  function* (input) {
    if (input.length === 0 || input.length % PAIR_BYTES !== 0) return undefined;
    const curve = bls12381();
    let product = curve.one;
    for (let offset = 0; offset < input.length; offset += PAIR_BYTES) {
      const p = readOfSubgroup(curve.first, input.subarray(offset, offset + FIRST_BYTES));
      const q = readOfSubgroup(curve.second, input.subarray(offset + FIRST_BYTES, offset + PAIR_BYTES));
      // A pair with a point at infinity is one.
      if (!curve.first.isZero(p) && !curve.second.isZero(q)) {
        product = curve.multiply(product, curve.millerLoop([[p, curve.prepare(q)]]));
      }
      yield;
    }
    return truth(curve.isOne(product));
  },
);

const mapToFirst = atOnce(
  () => 5_500,
  (input) => {
    if (input.length !== FIELD_BYTES) return undefined;
    const curve = bls12381();
    return writePoint(curve.first, curve.mapToFirst(readElements(input)));
  },
);
const mapToSecond = atOnce(
  () => 23_800,
  (input) => {
    if (input.length !== 2 * FIELD_BYTES) return undefined;
    const curve = bls12381();
    return writePoint(curve.second, curve.mapToSecond(readElements(input)));
  },
);

/** In the order of their addresses, from 0x0b on. */
export const BLS12_381: readonly Precompile[] = [
  addition(first, FIRST_BYTES, 375),
  sumOfProducts(first, FIRST_BYTES, 12_000, DISCOUNTS_G1),
  addition(second, SECOND_BYTES, 600),
  sumOfProducts(second, SECOND_BYTES, 22_500, DISCOUNTS_G2),
  pairing,
  mapToFirst,
  mapToSecond,
];
