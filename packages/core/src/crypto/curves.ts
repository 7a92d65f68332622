/**
 * Elliptic curves behind a port. A provider of the crypto port may bring them along; where it does not, the precompiled
 * contracts take their portable twins. Who uses a curve checks lengths and that coordinates are in the field.
 */

/** Products, or pairs, that a curve is given at once: more would make it hardly faster, and a step longer. */
export const PRODUCTS_MAX = 8;

/** Points are opaque: only the group that made them takes them. */
export interface Group<P> {
  readonly zero: P;
  /**
   * @param coordinates x and y, big-endian, as long as the field needs and below its order; of a field of pairs the real
   *   part first. Zeros are the point at infinity.
   * @throws when they are no point of the curve
   */
  fromAffine(coordinates: Uint8Array): P;
  /** What `fromAffine` takes. */
  toAffine(point: P): Uint8Array;
  isZero(point: P): boolean;
  /** Of any points of the curve. */
  add(a: P, b: P): P;
  /** Whether a point of the curve is in the subgroup that the pairing takes. */
  isInSubgroup(point: P): boolean;
  /**
   * @param points of the subgroup, up to `PRODUCTS_MAX`
   * @param factors 32 bytes for each point, big-endian, of any value
   */
  sumOfProducts(points: readonly P[], factors: readonly Uint8Array[]): P;
}

/**
 * Two groups with a pairing. Points of the second come prepared to the Miller loop, so that those which never change are
 * prepared once.
 */
export interface PairingCurve<P = unknown, Q = unknown, Prepared = unknown, Product = unknown> {
  readonly first: Group<P>;
  readonly second: Pick<Group<Q>, "fromAffine" | "isZero" | "isInSubgroup">;
  readonly one: Product;
  prepare(point: Q): Prepared;
  /** Product of the pairings of points of the subgroups, none of them zero, before the last exponentiation. */
  millerLoop(pairs: readonly (readonly [P, Prepared])[]): Product;
  multiply(a: Product, b: Product): Product;
  /** Whether the product is one after the last exponentiation. */
  isOne(product: Product): boolean;
}

/** BLS12-381. An element of the field has 48 bytes. */
export interface Bls12<P = unknown, Q = unknown, Prepared = unknown, Product = unknown>
  extends PairingCurve<P, Q, Prepared, Product> {
  readonly second: Group<Q>;
  /**
   * @param bytes a point of the first subgroup in the compressed form of ZCash, 48 bytes
   * @throws when they are none
   */
  decompress(bytes: Uint8Array): P;
  /** RFC 9380's map of an element of the field, with the cofactor cleared. */
  mapToFirst(element: Uint8Array): P;
  /** The same of a pair of elements, the real part first. */
  mapToSecond(element: Uint8Array): Q;
}
