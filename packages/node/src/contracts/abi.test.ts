import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isCodedError } from "@counterpart/core/base/errors";
import { parseAbi, toFunctionSelector } from "viem";
import { parseContractAbi } from "./abi.ts";
import { findFunction } from "./function-lookup.ts";
import { compileAll, type SolcContract, solidity } from "./solidity.test-support.ts";

const invalid = (error: unknown) => isCodedError(error, "INVALID_ABI");
const fn = (inputs: unknown, more: object = {}) => [{ type: "function", name: "f", inputs, outputs: [], ...more }];

describe("reading an ABI", () => {
  it("computes the selectors that viem computes, tuples and arrays included", () => {
    const abi = parseAbi([
      "struct Point { uint256 x; int8[2] y; }",
      "function a(Point[] points, bytes32 id) returns (bool)",
      "function b(uint256 amount, (string, bytes)[3] pairs) payable",
      "function c() view returns (address)",
    ]);
    const parsed = parseContractAbi(abi);
    assert.deepEqual(
      parsed.functions.map(({ selector }) => selector),
      abi.filter((item) => item.type === "function").map((item) => toFunctionSelector(item)),
    );
    assert.deepEqual(
      parsed.functions.map(({ view, payable }) => ({ view, payable })),
      [
        { view: false, payable: false },
        { view: false, payable: true },
        { view: true, payable: false },
      ],
    );
  });

  it("takes aliases of types and the old spelling of mutability", () => {
    const [item] = parseContractAbi(fn([{ type: "uint" }, { type: "int[]" }], { constant: true })).functions;
    assert.equal(item?.signature, "f(uint256,int256[])");
    assert.equal(item?.view, true);
  });

  it("keeps the ABI of a library whose functions take enums and contracts, and leaves those functions out", () => {
    const { abi } = compileAll(
      solidity(`interface I {}
        library L {
          enum E { A, B }
          struct P { E[] e; I i; }
          error Bad(E e);
          function one(E e) external pure returns (uint256) { if (e == E.B) revert Bad(e); return 1; }
          function two(uint256 a) external pure returns (I[] memory) { return new I[](a); }
          function three(P[] memory p) external pure returns (uint256) { return p.length; }
          function twice(uint256 a) external pure returns (uint256) { return 2 * a; }
        }`),
    ).L as SolcContract;
    const stored = fn([{ name: "s", type: "L.S storage", internalType: "struct L.S" }], { name: "stored" });
    const parsed = parseContractAbi([...abi, ...stored]);
    assert.equal(abi.filter((item) => (item as { type: string }).type === "function").length, 4);
    assert.deepEqual(
      parsed.functions.map(({ signature }) => signature),
      ["twice(uint256)"],
    );
    assert.deepEqual(
      [...parsed.errors.values()].map(({ name, inputs }) => [name, inputs[0]?.type]),
      [["Bad", "uint8"]],
    );
  });

  it("refuses what no compiler writes, before anything is encoded by it", () => {
    const deep = Array.from({ length: 40 }).reduce<object>(
      (inner) => ({ type: "tuple", name: "t", components: [inner] }),
      { type: "bool", name: "b" },
    );
    const broken: (readonly unknown[])[] = [
      ["text"],
      [null],
      [{ type: "nonsense" }],
      fn("text"),
      fn([{ name: "a" }]),
      fn([{ name: "a", type: "uint7" }]),
      fn([{ name: "a", type: "uint264" }]),
      fn([{ name: "a", type: "L.E" }]),
      [{ type: "event", name: "e", inputs: [{ name: "a", type: "L.E", internalType: "enum L.E" }] }],
      fn([{ name: "a", type: "bytes33" }]),
      fn([{ name: "a", type: "uint256[0]" }]),
      fn([{ name: "a", type: "uint8[9999][9999]" }]),
      fn([{ name: "a", type: "tuple" }]),
      fn([{ name: "a", type: "tuple", components: [] }]),
      fn([deep]),
      fn([
        { name: "a", type: "bool" },
        { name: "a", type: "bool" },
      ]),
      fn([{ name: 5, type: "bool" }]),
      fn(Array.from({ length: 257 }, () => ({ type: "bool" }))),
      Array.from({ length: 4_097 }, () => ({ type: "receive" })),
    ];
    for (const raw of broken) assert.throws(() => parseContractAbi(raw), invalid, JSON.stringify(raw).slice(0, 80));
  });

  it("keeps functions named like members of Object apart from them", () => {
    const abi = parseContractAbi([{ type: "function", name: "toString", inputs: [] }]);
    assert.equal(findFunction(abi, "toString", []).signature, "toString()");
    assert.throws(
      () => findFunction(abi, "constructor", []),
      (error) => isCodedError(error, "UNKNOWN_FUNCTION"),
    );
  });
});

describe("finding a function", () => {
  const abi = parseContractAbi(
    parseAbi([
      "function mint(address to, uint256 amount)",
      "function burn(uint256 amount)",
      "function burn(address from, uint256 amount)",
      "function set(uint256 value)",
      "function set(int256 value)",
    ]),
  );

  it("names the one that was meant, by its name or by its signature", () => {
    const message = (text: string) => {
      try {
        return findFunction(abi, text, []).signature;
      } catch (error) {
        return error instanceof Error ? error.message : "";
      }
    };
    assert.equal(message("mnit"), 'the contract has no function "mnit"; did you mean mint?');
    assert.match(
      message("mnit(address,uint256)"),
      /"mnit\(address,uint256\)"; did you mean mint\(address,uint256\)\?$/,
    );
    assert.equal(message("transferFrom"), 'the contract has no function "transferFrom"');
  });

  it("takes a name, and a full signature with spaces and aliases", () => {
    assert.equal(findFunction(abi, "mint", {}).signature, "mint(address,uint256)");
    assert.equal(findFunction(abi, "mint(address, uint)", {}).signature, "mint(address,uint256)");
    assert.equal(findFunction(abi, "set(int)", {}).signature, "set(int256)");
  });

  it("tells overloads apart by the names or the number of parameters", () => {
    assert.equal(findFunction(abi, "burn", { amount: "1" }).signature, "burn(uint256)");
    assert.equal(findFunction(abi, "burn", { from: "0x", amount: "1" }).signature, "burn(address,uint256)");
    assert.equal(findFunction(abi, "burn", ["1"]).signature, "burn(uint256)");
    assert.equal(findFunction(abi, "burn", { "0": "0x", "1": "1" }).signature, "burn(address,uint256)");
  });

  it("tells overloads of one number of parameters apart by the values that only one takes", () => {
    const overloads = parseContractAbi(
      parseAbi(["function f(uint256 a)", "function f(int256 a)", "function f(string a)", "function f(bool a, bool b)"]),
    );
    const number = (source: string) => ({ source });
    assert.equal(findFunction(overloads, "f", [number("-1")]).signature, "f(int256)");
    assert.equal(findFunction(overloads, "f", { a: number("-1") }).signature, "f(int256)");
    const burn = parseContractAbi(parseAbi(["function burn(address a)", "function burn(uint256 a)"]));
    // With a checksum that is wrong it is still no number.
    const mistyped = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92267";
    assert.throws(() => findFunction(burn, "burn", [mistyped]), { code: "AMBIGUOUS_FUNCTION" });
    for (const [params, count] of [
      [[number("1")], 2],
      [["-1"], 3],
      [["1"], 3],
      // It may be a number that was written wrongly.
      [["x"], 3],
      [{ a: "0x1" }, 3],
      [[true], 4],
    ] as const) {
      const message = count === 4 ? /: no overload takes these parameters;/ : /: several overloads may be meant;/;
      assert.throws(
        () => findFunction(overloads, "f", params),
        (error) => {
          assert.ok(isCodedError(error, "AMBIGUOUS_FUNCTION") && message.test(error.message));
          return Array.isArray(error.details.overloads) && error.details.overloads.length === count;
        },
      );
    }
  });

  it("asks for the signature when overloads cannot be told apart, and lists them", () => {
    for (const [name, params] of [
      ["set", { value: "1" }],
      ["burn", { nonsense: "1" }],
      ["burn", undefined],
    ] as const) {
      assert.throws(
        () => findFunction(abi, name, params),
        (error) => {
          assert.ok(isCodedError(error, "AMBIGUOUS_FUNCTION"));
          return Array.isArray(error.details.overloads) && error.details.overloads.length === 2;
        },
      );
    }
  });

  it("lists the functions there are when there is no such one", () => {
    for (const name of ["mnt", "mint(uint256)", "", "("]) {
      assert.throws(
        () => findFunction(abi, name, {}),
        (error) => {
          assert.ok(isCodedError(error, "UNKNOWN_FUNCTION"));
          assert.ok(Array.isArray(error.details.available));
          return error.details.available.includes("mint(address to, uint256 amount)");
        },
      );
    }
  });

  it("refuses functions, events and errors without a name", () => {
    for (const type of ["function", "event", "error"]) {
      assert.throws(() => parseContractAbi([{ type }]), { code: "INVALID_ABI", message: /no name/ });
    }
  });
});
