/** Operations on BLS12-381 (EIP-2537). */

import { bls12_381 } from "@noble/curves/bls12-381.js";
import { bigIntToFixedBytes, bytesToBigInt, concatBytes } from "../../base/bytes.ts";
import {
  type G1Point,
  type G2Point,
  isInG1,
  isInG2,
  sumOfProductsInG1,
  sumOfProductsInG2,
} from "./bls12-381-groups.ts";
import { atOnce, inSteps, truth } from "./steps.ts";
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

const G1 = bls12_381.G1.Point;
const G2 = bls12_381.G2.Point;
const { Fp, Fp2, Fp12, Fr } = bls12_381.fields;
type Fp2Element = ReturnType<typeof Fp2.create>;

/** An element of the field: 48 bytes, filled with zeros in front. */
const FIELD_BYTES = 64;
const SCALAR_BYTES = 32;
const PAIR_BYTES = 6 * FIELD_BYTES;
/** Pairs of a sum that are taken together: more would make it hardly faster, and a step longer. */
const PRODUCTS_PER_STEP = 8;

function readField(bytes: Uint8Array, offset: number): bigint {
  const value = bytesToBigInt(bytes.subarray(offset, offset + FIELD_BYTES));
  if (value >= Fp.ORDER) throw new RangeError("not an element of the field");
  return value;
}

const readFp2 = (bytes: Uint8Array, offset: number): Fp2Element =>
  Fp2.create({ c0: readField(bytes, offset), c1: readField(bytes, offset + FIELD_BYTES) });

const writeField = (value: bigint): Uint8Array => bigIntToFixedBytes(value, FIELD_BYTES);

/** A group, and how its points are written. */
interface Group<P> {
  readonly pointBytes: number;
  readonly zero: P;
  /** A point of the curve. @throws when it is none */
  read(bytes: Uint8Array, offset: number): P;
  write(point: P): Uint8Array;
  add(a: P, b: P): P;
  isInSubgroup(point: P): boolean;
  /** Of points of the subgroup. */
  sumOfProducts(points: readonly P[], scalars: readonly bigint[]): P;
}

const FIRST: Group<G1Point> = {
  pointBytes: 2 * FIELD_BYTES,
  zero: G1.ZERO,
  read(bytes, offset) {
    const [x, y] = [readField(bytes, offset), readField(bytes, offset + FIELD_BYTES)];
    if (x === 0n && y === 0n) return G1.ZERO;
    if (!Fp.eql(Fp.sqr(y), Fp.add(Fp.mul(Fp.sqr(x), x), G1.CURVE().b)))
      throw new RangeError("not a point of the curve");
    return G1.fromAffine({ x, y });
  },
  write(point) {
    if (point.is0()) return new Uint8Array(2 * FIELD_BYTES);
    const { x, y } = point.toAffine();
    return concatBytes(writeField(x), writeField(y));
  },
  add: (a, b) => a.add(b),
  isInSubgroup: isInG1,
  sumOfProducts: sumOfProductsInG1,
};

const SECOND: Group<G2Point> = {
  pointBytes: 4 * FIELD_BYTES,
  zero: G2.ZERO,
  read(bytes, offset) {
    const [x, y] = [readFp2(bytes, offset), readFp2(bytes, offset + 2 * FIELD_BYTES)];
    if (Fp2.is0(x) && Fp2.is0(y)) return G2.ZERO;
    if (!Fp2.eql(Fp2.sqr(y), Fp2.add(Fp2.mul(Fp2.sqr(x), x), G2.CURVE().b))) {
      throw new RangeError("not a point of the curve");
    }
    return G2.fromAffine({ x, y });
  },
  write(point) {
    if (point.is0()) return new Uint8Array(4 * FIELD_BYTES);
    const { x, y } = point.toAffine();
    return concatBytes(...[x.c0, x.c1, y.c0, y.c1].map(writeField));
  },
  add: (a, b) => a.add(b),
  isInSubgroup: isInG2,
  sumOfProducts: sumOfProductsInG2,
};

/** A point of the subgroup. @throws when it is none */
function readOfSubgroup<P>({ read, isInSubgroup }: Group<P>, bytes: Uint8Array, offset: number): P {
  const point = read(bytes, offset);
  if (!isInSubgroup(point)) throw new RangeError("a point is not in the subgroup");
  return point;
}

/** The sum of two points of the curve, whatever their order. */
const addition = <P>({ pointBytes, read, write, add }: Group<P>, gas: number): Precompile =>
  atOnce(
    () => gas,
    (input) => (input.length === 2 * pointBytes ? write(add(read(input, 0), read(input, pointBytes))) : undefined),
  );

/** A sum of products as the sum of the sums of a few. */
function sumOfProducts<P>(group: Group<P>, product: number, discounts: readonly number[]): Precompile {
  const { pointBytes, zero, write, add } = group;
  const pairBytes = pointBytes + SCALAR_BYTES;
  const gas = ({ length }: Uint8Array): number => {
    const pairs = Math.floor(length / pairBytes);
    const discount = pairs === 0 ? 0 : (discounts[Math.min(pairs, discounts.length) - 1] as number);
    return Math.floor((pairs * product * discount) / 1_000);
  };
  const sumOf = (input: Uint8Array): P => {
    const [points, scalars]: [P[], bigint[]] = [[], []];
    for (let offset = 0; offset < input.length; offset += pairBytes) {
      points.push(readOfSubgroup(group, input, offset));
      scalars.push(bytesToBigInt(input.subarray(offset + pointBytes, offset + pairBytes)) % Fr.ORDER);
    }
    return group.sumOfProducts(points, scalars);
  };
  return inSteps(gas, function* (input) {
    if (input.length === 0 || input.length % pairBytes !== 0) return undefined;
    let sum = zero;
    for (let offset = 0; offset < input.length; offset += PRODUCTS_PER_STEP * pairBytes) {
      sum = add(sum, sumOf(input.subarray(offset, offset + PRODUCTS_PER_STEP * pairBytes)));
      yield;
    }
    return write(sum);
  });
}

/** A pairing before its last exponentiation, which a product needs once. Unlike the library's it checks no point. */
function millerLoop(g1: G1Point, g2: G2Point) {
  const { x, y } = g1.toAffine();
  return bls12_381.millerLoopBatch([[bls12_381.utils.calcPairingPrecomputes(g2), x, y]]);
}

/** Whether the product of the pairings is one, a pair a step. */
const pairing = inSteps(
  ({ length }) => 37_700 + 32_600 * Math.floor(length / PAIR_BYTES),
  function* (input) {
    if (input.length === 0 || input.length % PAIR_BYTES !== 0) return undefined;
    let product = Fp12.ONE;
    for (let offset = 0; offset < input.length; offset += PAIR_BYTES) {
      const g1 = readOfSubgroup(FIRST, input, offset);
      const g2 = readOfSubgroup(SECOND, input, offset + FIRST.pointBytes);
      // A pair with a point at infinity is one.
      if (!g1.is0() && !g2.is0()) product = Fp12.mul(product, millerLoop(g1, g2));
      yield;
    }
    return truth(Fp12.eql(Fp12.finalExponentiate(product), Fp12.ONE));
  },
);

/** The library takes one element of the field of its group, whatever its types say. */
const mapToG1 = bls12_381.G1.mapToCurve as unknown as (element: bigint) => G1Point;
const mapToG2 = bls12_381.G2.mapToCurve as unknown as (element: readonly [bigint, bigint]) => G2Point;

const mapToFirst = atOnce(
  () => 5_500,
  (input) => (input.length === FIELD_BYTES ? FIRST.write(mapToG1(readField(input, 0))) : undefined),
);
const mapToSecond = atOnce(
  () => 23_800,
  (input) => {
    if (input.length !== 2 * FIELD_BYTES) return undefined;
    return SECOND.write(mapToG2([readField(input, 0), readField(input, FIELD_BYTES)]));
  },
);

/** In the order of their addresses, from 0x0b on. */
export const BLS12_381: readonly Precompile[] = [
  addition(FIRST, 375),
  sumOfProducts(FIRST, 12_000, DISCOUNTS_G1),
  addition(SECOND, 600),
  sumOfProducts(SECOND, 22_500, DISCOUNTS_G2),
  pairing,
  mapToFirst,
  mapToSecond,
];
