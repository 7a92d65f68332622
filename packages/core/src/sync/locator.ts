/**
 * Finding the block that two chains share. The asker names hashes of its own chain, dense near the head and ever sparser
 * below; the answer starts at the first that is canonical on the other side, so one round trip finds a common block
 * at any depth, at most as far below the fork as the fork is deep.
 */

import type { Hex } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import type { SealedHeader } from "../chain/types.ts";

const DENSE = 10;

/** Numbers of the blocks to name, the head first, the genesis last; at most 64 for any head below 2^53. */
export function locatorNumbers(head: number): readonly number[] {
  const numbers: number[] = [];
  let step = 1;
  for (let number = head; number > 0; number -= step) {
    numbers.push(number);
    if (numbers.length >= DENSE) step *= 2;
  }
  numbers.push(0);
  return numbers;
}

const bad = (reason: string): CodedError => new CodedError("BAD_MESSAGE", `bad headers: ${reason}`);

/**
 * Checks that `headers` answer a request upwards from `locator`: they start at one of its hashes and each is the parent
 * of the next. Seals are the importer's to check.
 * @throws CodedError `BAD_MESSAGE`
 */
export function checkHeaderPage(headers: readonly SealedHeader[], locator: readonly Hex[], countMax: number): void {
  const [first] = headers;
  if (first === undefined) throw bad("none, though the start is held");
  if (headers.length > countMax) throw bad(`${headers.length}, though ${countMax} were asked for`);
  if (!locator.includes(first.hash)) throw bad("they start at a block that was not named");
  let parent = first;
  for (const header of headers.slice(1)) {
    if (header.parentHash !== parent.hash || header.number !== parent.number + 1) throw bad("they form no chain");
    parent = header;
  }
}
