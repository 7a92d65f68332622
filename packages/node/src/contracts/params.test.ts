import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bytesToHex, type Hex } from "@counterpart/core/base/bytes";
import type { ErrorCode } from "@counterpart/core/base/error-catalogue";
import { isCodedError } from "@counterpart/core/base/errors";
import fc from "fast-check";
import { decodeAbiParameters, encodeAbiParameters, getAddress, parseAbiParameters } from "viem";
import { type AbiParam, parseContractAbi } from "./abi.ts";
import { encodeParams, type ParamValues, toAmount } from "./params.ts";
import type { ArgumentValue } from "./types.ts";

const ADDRESS = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
const number = (source: string): ArgumentValue => ({ source });

function inputs(text: string): readonly AbiParam[] {
  const abi = parseContractAbi([{ type: "function", name: "f", inputs: text === "" ? [] : parseAbiParameters(text) }]);
  return abi.functions[0]?.inputs ?? [];
}

const encode = (text: string, params: ParamValues): Hex => bytesToHex(encodeParams(inputs(text), params));
const encodeInteger = (type: string, value: ArgumentValue): bigint =>
  BigInt(bytesToHex(encodeParams([{ name: "n", type }], [value])));

function refuses(code: ErrorCode, parameter: string, work: () => unknown): void {
  assert.throws(work, (error) => {
    assert.ok(isCodedError(error, code), String(error));
    assert.equal(error.details.parameter, parameter);
    assert.ok(error.message.includes(parameter));
    return true;
  });
}

describe("integers", () => {
  it("are exact at any size, as JSON numbers, decimal strings and 0x strings", () => {
    const cases: [ArgumentValue, bigint][] = [
      [number("1000"), 1000n],
      [number("1e27"), 10n ** 27n],
      [number("1E+3"), 1000n],
      [number("9007199254740993"), 9007199254740993n],
      [number("1.5e1"), 15n],
      [number("100e-2"), 1n],
      [number("2.0"), 2n],
      [number("0e999999999"), 0n],
      [number("-0"), 0n],
      ["1000", 1000n],
      ["007", 7n],
      ["0xff", 255n],
      [((1n << 256n) - 1n).toString(), (1n << 256n) - 1n],
      [`0x${"f".repeat(64)}`, (1n << 256n) - 1n],
    ];
    for (const [value, expected] of cases) assert.equal(encodeInteger("uint256", value), expected);
  });

  it("round-trip through every width, signed and unsigned", () => {
    const widths = fc.integer({ min: 1, max: 32 }).map((bytes) => bytes * 8);
    fc.assert(
      fc.property(widths, fc.boolean(), fc.bigInt({ min: -(1n << 256n), max: 1n << 256n }), (bits, signed, value) => {
        const type = `${signed ? "int" : "uint"}${bits}`;
        const fits = signed ? BigInt.asIntN(bits, value) === value : BigInt.asUintN(bits, value) === value;
        const work = (): Uint8Array => encodeParams([{ name: "n", type }], [number(value.toString())]);
        if (!fits) return refuses("INVALID_PARAMETER", "n", work);
        const [decoded] = decodeAbiParameters([{ type }], work());
        assert.equal(BigInt(String(decoded)), value);
      }),
    );
  });

  it("are refused when fractional, negative for unsigned, out of range, or no integers", () => {
    const wrong: [string, ArgumentValue][] = [
      ["uint256", number("1.5")],
      ["uint256", number("1e-1")],
      ["uint256", number("-1")],
      ["uint256", "-1"],
      ["uint8", "256"],
      ["int8", "128"],
      ["int8", "-129"],
      ["uint256", number("1e78")],
      ["uint256", number("1e999999999999")],
      ["uint256", (1n << 256n).toString()],
      ["uint256", `0x1${"0".repeat(64)}`],
      ["uint256", "9".repeat(2_000)],
      ["uint256", "1e18"],
      ["uint256", "1.0"],
      ["uint256", "0x"],
      ["uint256", ""],
      ["uint256", " 1"],
      ["uint256", "١"],
      ["uint256", true],
      ["uint256", null],
      ["uint256", ["1"]],
      ["uint256", {}],
    ];
    for (const [type, value] of wrong) {
      refuses("INVALID_PARAMETER", "n", () => encodeParams([{ name: "n", type }], [value]));
    }
  });

  it("say what is wrong, with parameter and type", () => {
    assert.throws(() => encodeParams(inputs("uint256 amount"), { amount: number("-5") }), {
      message: "parameter amount (uint256): -5 is negative",
      details: { parameter: "amount", abi_type: "uint256", reason: "-5 is negative" },
    });
  });

  it("serve as amounts, which default to zero", () => {
    assert.equal(toAmount(undefined, "value"), 0n);
    assert.equal(toAmount(number("1e18"), "value"), 10n ** 18n);
    refuses("INVALID_PARAMETER", "value", () => toAmount("-1", "value"));
  });
});

describe("parameters", () => {
  const types = "address to, uint256 amount";
  const expected = encodeAbiParameters(parseAbiParameters(types), [ADDRESS, 5n]);

  it("go by name, by position, and by position as keys", () => {
    assert.equal(encode(types, { amount: number("5"), to: ADDRESS }), expected);
    assert.equal(encode(types, [ADDRESS, "5"]), expected);
    assert.equal(encode(types, { "0": ADDRESS, "1": "5" }), expected);
    assert.equal(encode("address, uint256", { "0": ADDRESS, "1": "5" }), expected);
    assert.equal(encode("", undefined), "0x");
    assert.equal(encode("", {}), "0x");
  });

  it("are named when missing, by ABI name or else by position", () => {
    refuses("MISSING_PARAMETER", "amount", () => encode(types, { to: ADDRESS }));
    refuses("MISSING_PARAMETER", "to", () => encode(types, undefined));
    refuses("MISSING_PARAMETER", "amount", () => encode(types, [ADDRESS]));
    refuses("MISSING_PARAMETER", "1", () => encode("address, uint256", { "0": ADDRESS }));
    const message = "parameter amount (uint256) is missing: address to, uint256 amount are wanted";
    assert.throws(() => encode(types, [ADDRESS]), { message });
    assert.throws(() => encode("uint256 amount", []), { message: "parameter amount (uint256) is missing" });
  });

  it("are named with the stranger in their place, which is the same misspelt as a rule", () => {
    assert.throws(
      () => encode(types, { to: ADDRESS, amuont: "5" }),
      /^CodedError: parameter amount \(uint256\) is missing, and there is none called "amuont"; did you mean amount\?$/,
    );
  });

  it("are named when there is no such one", () => {
    refuses("UNKNOWN_PARAMETER", "amonut", () => encode(types, { to: ADDRESS, amount: "5", amonut: "5" }));
    refuses("UNKNOWN_PARAMETER", "0", () => encode(types, { to: ADDRESS, amount: "5", "0": ADDRESS }));
    refuses("UNKNOWN_PARAMETER", "2", () => encode(types, [ADDRESS, "5", "6"]));
    refuses("UNKNOWN_PARAMETER", "x", () => encode("", { x: "1" }));
    assert.throws(() => encode(types, { to: ADDRESS, amount: "5", amonut: "5" }), {
      message: 'there is no parameter "amonut": those are address to, uint256 amount; did you mean amount?',
    });
    assert.throws(() => encode(types, [ADDRESS, "5", "6"]), {
      message: 'there is no parameter "2": those are address to, uint256 amount',
    });
    assert.throws(() => encode("", ["1"]), { message: 'there is no parameter "0": none is taken' });
  });

  it("without names are not suggested, and a name that is empty is shown as such", () => {
    assert.throws(() => encode("uint256, uint256", { "": "1" }), {
      message: 'parameter 0 (uint256) is missing, and there is none called ""',
    });
    assert.throws(() => encode("uint256, uint256", { "0": "1", "1": "2", "": "3" }), {
      message: 'there is no parameter "": those are uint256 0, uint256 1',
    });
  });

  it("are shown as they were given where they do not fit", () => {
    assert.throws(() => encode("string b", { b: [number("1"), { x: number("9007199254740993") }] }), {
      message: 'parameter b (string): [1,{"x":"9007199254740993"}] is not text',
    });
  });

  it("are not read from the prototype of the object that gives them", () => {
    refuses("MISSING_PARAMETER", "toString", () => encode("uint256 toString", {}));
  });
});

describe("values of other types", () => {
  it("encode as viem encodes them", () => {
    const types = "bool b, bytes4 s, bytes d, string t, (uint8 x, (bool, int16[2])[] list) p, address[] a";
    const params: ParamValues = {
      b: true,
      s: "0xDEADBEEF",
      d: "0x00ff",
      t: "grüße",
      p: { x: number("7"), list: [[false, ["-1", number("2")]], { "0": true, "1": ["3", "4"] }] },
      a: [ADDRESS, getAddress(ADDRESS)],
    };
    const [x, list] = [7, [[false, [-1, 2]] as const, [true, [3, 4]] as const] as const];
    assert.equal(
      encode(types, params),
      encodeAbiParameters(parseAbiParameters(types), [
        true,
        "0xdeadbeef",
        "0x00ff",
        "grüße",
        { x, list },
        [ADDRESS, ADDRESS],
      ]),
    );
  });

  it("take functions as 24 bytes, address and selector, wherever such a value stands", () => {
    const pointer = `${ADDRESS}a9059cbb` as const;
    const one = { name: "f", type: "function" };
    const padded = `${pointer.slice(2)}${"00".repeat(8)}`;
    assert.equal(bytesToHex(encodeParams([one], [pointer])), `0x${padded}`);
    const list = { name: "t", type: "tuple", components: [{ name: "list", type: "function[1]" }] };
    assert.equal(bytesToHex(encodeParams([list], { t: { list: [pointer] } })), `0x${padded}`);
    refuses("INVALID_PARAMETER", "f", () => encodeParams([one], [ADDRESS]));
  });

  it("take a tuple component that is named source", () => {
    assert.equal(encode("(string source) t", [{ source: "a" }]), encode("(string source) t", [["a"]]));
  });

  it("take an address in one case or with its checksum, and no wrong checksum", () => {
    const types = "address a";
    assert.equal(encode(types, [`0x${ADDRESS.slice(2).toUpperCase()}`]), encode(types, [ADDRESS]));
    const swapped = getAddress(ADDRESS).replace("f39F", "F39f");
    refuses("INVALID_PARAMETER", "a", () => encode(types, [swapped]));
  });

  it("are refused with the path to what is wrong", () => {
    const wrong: [string, ParamValues, string][] = [
      ["address a", ["0x12"], "a"],
      ["address a", [number("5")], "a"],
      ["bool b", ["true"], "b"],
      ["bool b", [number("1")], "b"],
      ["bytes4 s", ["0x00"], "s"],
      ["bytes s", ["0x0"], "s"],
      ["bytes s", ["text"], "s"],
      ["string t", [number("1")], "t"],
      ["string t", [null], "t"],
      ["string t", ["\ud800"], "t"],
      ["uint8[2] l", [["1"]], "l"],
      ["uint8[] l", ["1"], "l"],
      ["uint8[] l", [{ "0": "1" }], "l"],
      ["uint8[] l", [["1", "256"]], "l[1]"],
      ["(uint8 x) p", [{ x: "256" }], "p.x"],
      ["(uint8 x)[] p", [[{ x: "1" }, { x: null }]], "p[1].x"],
      ["(uint8 x) p", ["1"], "p"],
      ["(uint8 x) p", [number("1")], "p"],
      ["bool[] l", [Array.from({ length: 8_193 }, () => true)], "l"],
    ];
    for (const [types, params, path] of wrong) {
      refuses("INVALID_PARAMETER", path, () => encodeParams(inputs(types), params));
    }
    refuses("MISSING_PARAMETER", "p.y", () => encode("(uint8 x, bool y) p", [{ x: "1" }]));
    refuses("UNKNOWN_PARAMETER", "p.z", () => encode("(uint8 x) p", [{ x: "1", z: "1" }]));
  });
});
