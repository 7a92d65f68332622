/** The curves of the crypto port on mcl. Points are the bytes that it has in memory. */

import { bytesToBigInt, hexToBytes, isZero } from "@counterpart/core/base/bytes";
import { assert } from "@counterpart/core/base/errors";
import type { CryptoProvider } from "@counterpart/core/crypto/crypto";
import { type Bls12, type Group, type PairingCurve, PRODUCTS_MAX } from "@counterpart/core/crypto/curves";
import { createMcl, MCL_BYTES, type Mcl, type MclFunctions, type Pointer } from "./mcl.ts";

type Point = Uint8Array;

interface GroupFunctions {
  readonly add: MclFunctions["mclBnG1_add"];
  readonly clear: MclFunctions["mclBnG1_clear"];
  readonly isValid: MclFunctions["mclBnG1_isValid"];
  readonly isValidOrder: MclFunctions["mclBnG1_isValidOrder"];
  readonly isZero: MclFunctions["mclBnG1_isZero"];
  readonly mulVec: MclFunctions["mclBnG1_mulVec"];
  readonly normalize: MclFunctions["mclBnG1_normalize"];
}

/** How an instance writes elements of the field and their pairs. */
interface Elements {
  /** Puts big-endian elements one after the other. */
  write(bytes: Uint8Array, at: Pointer): void;
  read(at: Pointer, count: number): Uint8Array;
}

/** The most elements that a point has as coordinates. */
const ELEMENTS_MAX = 4;

function createElements({ functions, memory, allocate }: Mcl, elementBytes: number): Elements {
  const buffer = allocate(ELEMENTS_MAX * elementBytes);
  return {
    write(bytes, at) {
      memory.set(bytes, buffer);
      for (let index = 0; index * elementBytes < bytes.length; index++) {
        functions.mclBnFp_setBigEndianMod(at + index * MCL_BYTES.fp, buffer + index * elementBytes, elementBytes);
      }
    },
    read(at, count) {
      const bytes = new Uint8Array(count * elementBytes);
      for (let index = 0; index < count; index++) {
        const size = functions.mclBnFp_getLittleEndian(buffer, elementBytes, at + index * MCL_BYTES.fp);
        const last = (index + 1) * elementBytes - 1;
        for (let i = 0; i < size; i++) bytes[last - i] = memory[buffer + i] as number;
      }
      return bytes;
    },
  };
}

/** @param elements in a coordinate, two for a field of pairs */
function createGroup(mcl: Mcl, field: Elements, functions: GroupFunctions, elements: 1 | 2): Group<Point> {
  const { allocate, write, read } = mcl;
  const coordinateBytes = elements * MCL_BYTES.fp;
  const pointBytes = 3 * coordinateBytes;
  const points = allocate(PRODUCTS_MAX * pointBytes);
  const factors = allocate(PRODUCTS_MAX * MCL_BYTES.fr);
  const scalar = allocate(MCL_BYTES.fr);
  const result = allocate(pointBytes);
  functions.clear(result);
  const zero = read(result, pointBytes);
  return {
    zero,
    fromAffine(coordinates) {
      if (isZero(coordinates)) return zero;
      field.write(coordinates, result);
      for (let at = 2 * coordinateBytes; at < pointBytes; at += MCL_BYTES.fp) mcl.functions.mclBnFp_clear(result + at);
      mcl.functions.mclBnFp_setInt32(result + 2 * coordinateBytes, 1);
      if (functions.isValid(result) === 0) throw new RangeError("not a point of the curve");
      return read(result, pointBytes);
    },
    toAffine(point) {
      write(point, points);
      functions.normalize(result, points);
      return field.read(result, 2 * elements);
    },
    isZero(point) {
      write(point, points);
      return functions.isZero(points) === 1;
    },
    add(a, b) {
      write(a, points);
      write(b, points + pointBytes);
      functions.add(result, points, points + pointBytes);
      return read(result, pointBytes);
    },
    isInSubgroup(point) {
      write(point, points);
      return functions.isValidOrder(points) === 1;
    },
    sumOfProducts(terms, scalars) {
      assert(terms.length <= PRODUCTS_MAX && terms.length === scalars.length, "too many products at once");
      for (const [at, point] of terms.entries()) {
        write(point, points + at * pointBytes);
        write(scalars[at] as Uint8Array, scalar);
        mcl.functions.mclBnFr_setBigEndianMod(factors + at * MCL_BYTES.fr, scalar, MCL_BYTES.fr);
      }
      functions.mulVec(result, points, factors, terms.length);
      return read(result, pointBytes);
    },
  };
}

type Pairing = Pick<
  PairingCurve<Point, Point, Point, Uint8Array>,
  "one" | "prepare" | "millerLoop" | "multiply" | "isOne"
>;

function createPairing({ functions, allocate, write, read }: Mcl): Pairing {
  const { g1, g2, gt } = MCL_BYTES;
  const firsts = allocate(PRODUCTS_MAX * g1);
  const seconds = allocate(PRODUCTS_MAX * g2);
  const [a, b, result] = [allocate(gt), allocate(gt), allocate(gt)];
  functions.mclBnGT_setInt32(result, 1);
  return {
    one: read(result, gt),
    prepare: (point) => point,
    millerLoop(pairs) {
      assert(pairs.length <= PRODUCTS_MAX, "too many pairs at once");
      for (const [at, [first, second]] of pairs.entries()) {
        write(first, firsts + at * g1);
        write(second, seconds + at * g2);
      }
      functions.mclBn_millerLoopVec(result, firsts, seconds, pairs.length);
      return read(result, gt);
    },
    multiply(left, right) {
      write(left, a);
      write(right, b);
      functions.mclBnGT_mul(result, a, b);
      return read(result, gt);
    },
    isOne(product) {
      write(product, a);
      functions.mclBn_finalExp(result, a);
      return functions.mclBnGT_isOne(result) === 1;
    },
  };
}

const groupFunctions = (functions: MclFunctions, group: "G1" | "G2"): GroupFunctions => ({
  add: functions[`mclBn${group}_add`],
  clear: functions[`mclBn${group}_clear`],
  isValid: functions[`mclBn${group}_isValid`],
  isValidOrder: functions[`mclBn${group}_isValidOrder`],
  isZero: functions[`mclBn${group}_isZero`],
  mulVec: functions[`mclBn${group}_mulVec`],
  normalize: functions[`mclBn${group}_normalize`],
});

function createPairingCurve(mcl: Mcl, elementBytes: number) {
  const { functions } = mcl;
  // Whether a point is valid shall not mean whether it is in the subgroup.
  functions.mclBn_verifyOrderG1(0);
  functions.mclBn_verifyOrderG2(0);
  const field = createElements(mcl, elementBytes);
  const curve = {
    first: createGroup(mcl, field, groupFunctions(functions, "G1"), 1),
    second: createGroup(mcl, field, groupFunctions(functions, "G2"), 2),
    ...createPairing(mcl),
  };
  return { field, curve };
}

export async function createBn254(module: WebAssembly.Module): Promise<PairingCurve<Point, Point, Point, Uint8Array>> {
  return createPairingCurve(await createMcl(module, "bn254"), 32).curve;
}

/** RFC 9380, as EIP-2537 has it. */
const MAP_TO_MODE = 5;
const COMPRESSED_BYTES = 48;
/** In the first byte of a compressed point. */
const INFINITY_FLAG = 0x40;

export async function createBls12381(module: WebAssembly.Module): Promise<Bls12<Point, Point, Point, Uint8Array>> {
  const mcl = await createMcl(module, "bls12381");
  const { functions } = mcl;
  const { field, curve } = createPairingCurve(mcl, 48);
  functions.mclBn_setMapToMode(MAP_TO_MODE);
  // The compressed form of ZCash.
  functions.mclBn_setETHserialization(1);
  const [input, point] = [mcl.allocate(2 * MCL_BYTES.fp), mcl.allocate(MCL_BYTES.g2)];
  return {
    ...curve,
    decompress(bytes) {
      const isZero = ((bytes[0] as number) & INFINITY_FLAG) !== 0;
      // Of a point at infinity the library looks at the first byte alone.
      if (bytes.length !== COMPRESSED_BYTES || (isZero && bytes.subarray(1).some((byte) => byte !== 0))) {
        throw new RangeError("not a compressed point");
      }
      mcl.write(bytes, input);
      if (functions.mclBnG1_deserialize(point, input, COMPRESSED_BYTES) !== COMPRESSED_BYTES) {
        throw new RangeError("not a point of the curve");
      }
      if (functions.mclBnG1_isValidOrder(point) === 0) throw new RangeError("a point is not in the subgroup");
      return mcl.read(point, MCL_BYTES.g1);
    },
    mapToFirst(element) {
      field.write(element, input);
      assert(functions.mclBnFp_mapToG1(point, input) === 0, "an element has no point");
      return mcl.read(point, MCL_BYTES.g1);
    },
    mapToSecond(element) {
      field.write(element, input);
      assert(functions.mclBnFp2_mapToG2(point, input) === 0, "an element has no point");
      return mcl.read(point, MCL_BYTES.g2);
    },
  };
}

const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
/** FIPS 186-4, section D.1.2.3. */
const P256_GENERATOR = hexToBytes(
  "0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
);

/** Numbers modulo the order of the group as 32 bytes, big-endian. */
function createScalars({ functions, allocate, write, read }: Mcl) {
  const size = MCL_BYTES.fr;
  const [buffer, a, b] = [allocate(size), allocate(size), allocate(size)];
  const put = (bytes: Uint8Array, at: Pointer): void => {
    write(bytes, buffer);
    functions.mclBnFr_setBigEndianMod(at, buffer, size);
  };
  return {
    divide(dividend: Uint8Array, divisor: Uint8Array): Uint8Array {
      put(dividend, a);
      put(divisor, b);
      functions.mclBnFr_div(a, a, b);
      const bytes = new Uint8Array(size);
      const written = functions.mclBnFr_getLittleEndian(buffer, size, a);
      bytes.set(read(buffer, written).reverse(), size - written);
      return bytes;
    },
  };
}

/** FIPS 186-4, section 6.4: r is the x of (digest / s)·G + (r / s)·key, modulo the order. */
export async function createP256(module: WebAssembly.Module): Promise<NonNullable<CryptoProvider["verifyP256"]>> {
  const mcl = await createMcl(module, "p256");
  const group = createGroup(mcl, createElements(mcl, 32), groupFunctions(mcl.functions, "G1"), 1);
  const scalars = createScalars(mcl);
  const generator = group.fromAffine(P256_GENERATOR);
  return (digest, signature, publicKey) => {
    const [r, s] = [signature.subarray(0, 32), signature.subarray(32)];
    const key = group.fromAffine(publicKey);
    const sum = group.sumOfProducts([generator, key], [scalars.divide(digest, s), scalars.divide(r, s)]);
    return !group.isZero(sum) && bytesToBigInt(group.toAffine(sum).subarray(0, 32)) % P256_ORDER === bytesToBigInt(r);
  };
}
