/** Values that programs trip over, and what is done with them to a good request. */

import type { Dice } from "../../sim/dice.ts";
import { changeAt, isList, type Json, Members, pathsOf, Raw } from "./json-text.ts";

const UINT256_MAX = 2n ** 256n - 1n;

const NUMBERS: readonly string[] = [
  ...["0", "-0", "-1", "1.5", "0.1e1", "1E+2", "1e27", "1e78", "1e-1", "255", "256", "-129", "4294967296"],
  ...["1e999999999", "-1e999999999", "1e-999999999", "1e99999999999999999999", "9007199254740993", "1e308", "1e309"],
  ...[`1${"0".repeat(400)}`, `0.${"0".repeat(400)}1`, UINT256_MAX.toString(), (UINT256_MAX + 1n).toString()],
];

const STRINGS: readonly string[] = [
  ...["", " ", "\u0000", "\ud800", "\udc00\ud800", "\u202e", "𝒳", "é", "e\u0301", "١٢", "１２", "-1", "1.5", "1e27"],
  ...["null", "true", "NaN", "Infinity", "__proto__", "constructor", "toString", "hasOwnProperty", "../../etc/passwd"],
  ...["0x", "0X1", "0xzz", "0x0", `0x${"0".repeat(39)}`, `0x${"0".repeat(40)}`, `0x${"f".repeat(64)}`, "%00", "%"],
  ...["0xF39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "1".repeat(90), "9".repeat(400), "x".repeat(5_000), "latest"],
  ...[
    "transfer(address,uint256)",
    "mint(",
    ")(",
    "a,b",
    "$ref",
    "127.0.0.1",
    "127.0.0.1:0",
    "127.0.0.1:65536",
    "[::1]:1",
  ],
];

const nested = (depth: number, open: string, close: string): Raw =>
  new Raw(`${open.repeat(depth)}1${close.repeat(depth)}`);

const nastyNumber = (dice: Dice): Raw => new Raw(dice.pick(NUMBERS));
export const nastyString = (dice: Dice): string => dice.pick(STRINGS);

export function nastyValue(dice: Dice): Json {
  const make: readonly (() => Json)[] = [
    () => nastyNumber(dice),
    () => nastyNumber(dice),
    () => nastyString(dice),
    () => nastyString(dice),
    () => dice.pick([null, true, false]),
    () => [],
    () => new Members([]),
    () => new Members([[dice.pick(["__proto__", "constructor", "source", "length", ""]), nastyString(dice)]]),
    () => nested(dice.pick([5, 31, 40, 3_000]), "[", "]"),
    () => nested(dice.pick([5, 31, 40, 3_000]), '{"a":', "}"),
    () => Array.from({ length: dice.pick([1, 300]) }, () => nastyString(dice)),
  ];
  return dice.pick(make)();
}

function inObject(members: Members, dice: Dice): Members {
  const { entries } = members;
  const at = dice.below(entries.length);
  const [name, value] = entries[at] ?? ["", null];
  const without = entries.filter((_, index) => index !== at);
  return dice.pick([
    () => new Members(without),
    () => new Members([...entries, [name, nastyValue(dice)]]),
    () => new Members([[name, nastyValue(dice)], ...entries]),
    () => new Members([...without, [dice.pick([`${name} `, name.toUpperCase(), `${name}s`, "__proto__"]), value]]),
    () => new Members([...entries, [dice.pick(["more", "", "toString", "\ud800", "x".repeat(300)]), nastyValue(dice)]]),
  ])();
}

function inList(list: readonly Json[], dice: Dice): Json {
  return dice.pick([
    () => list.slice(1),
    () => [...list, nastyValue(dice)],
    () => list.toReversed(),
    () => Array.from({ length: 300 }, () => list[0] ?? null),
  ])();
}

/** A value that takes the place of another: of another type, or of the same one and out of bounds. */
function instead(old: Json, dice: Dice): Json {
  if (typeof old === "string" && dice.chance(0.4)) {
    return dice.pick([old.toUpperCase(), `${old} `, `${old}0`, old.slice(1), old.slice(0, -1), `${old}${old}`, [old]]);
  }
  return typeof old === "number" && dice.chance(0.5) ? nastyNumber(dice) : nastyValue(dice);
}

/** One change somewhere in a body. */
export function mutateJson(json: Json, dice: Dice): Json {
  return changeAt(json, dice.pick(pathsOf(json)), (old) => {
    if (old instanceof Members && dice.chance(0.8)) return inObject(old, dice);
    return isList(old) && dice.chance(0.6) ? inList(old, dice) : instead(old, dice);
  });
}

const BAD_UTF8: readonly (readonly number[])[] = [
  [0xff],
  [0xc0, 0xaf],
  [0xed, 0xa0, 0x80],
  [0xf4, 0x90, 0x80, 0x80],
  [0xe2],
];

const PLANTED: readonly string[] = [
  " ",
  ",",
  "}",
  "]",
  '"',
  "\\",
  "\n",
  "\u0000",
  "//",
  "NaN",
  "01",
  "'",
  "+1",
  "\ufeff",
];

/** What is no JSON text any more, or hardly. */
export function mutateBytes(bytes: Buffer, dice: Dice): Buffer {
  const at = dice.below(bytes.length + 1);
  const spliced = (middle: Uint8Array): Buffer => Buffer.concat([bytes.subarray(0, at), middle, bytes.subarray(at)]);
  return dice.pick([
    () => bytes.subarray(0, at),
    () => bytes.subarray(at),
    () => spliced(Uint8Array.from(dice.pick(BAD_UTF8))),
    () => spliced(Buffer.from(dice.pick(PLANTED))),
    () => spliced(Buffer.from(dice.pick(PLANTED))),
    () => Buffer.concat([bytes, bytes]),
    () => Buffer.alloc(0),
    () => Buffer.from(dice.bytes(dice.below(64))),
    () => Buffer.concat([Buffer.alloc(dice.pick([10, 1_000_000, 1_100_000]), " "), bytes]),
    () => Buffer.from(`[${"0,".repeat(dice.pick([10, 99_998, 100_001]))}0]`),
    () => Buffer.from(bytes.toString("utf8"), "utf16le"),
  ])();
}
