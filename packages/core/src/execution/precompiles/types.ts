/** What a precompiled contract is to the interpreter. */

export interface Precompile {
  /** Gas for the input; may exceed what there is (Infinity allowed): then the input is looked at no further. */
  readonly gas: (input: Uint8Array) => number;
  /** Output; undefined: the input is invalid and all gas of the call is consumed. */
  readonly run: (input: Uint8Array) => Uint8Array | undefined;
  /** The same in steps, for those that take long: whoever owns the thread may do something else between two. */
  readonly steps?: (input: Uint8Array) => Generator<void, Uint8Array | undefined>;
}
