import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hexToBytes } from "@counterpart/core/base/bytes";
import type { Log } from "@counterpart/core/chain/types";
import {
  encodeAbiParameters,
  encodeErrorResult,
  encodeEventTopics,
  keccak256,
  parseAbi,
  parseAbiParameters,
  toBytes,
} from "viem";
import { type AbiParam, parseContractAbi } from "./abi.ts";
import { decodeLog, decodeOutputs, decodeRevert } from "./decode.ts";

const ADDRESS = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";

function params(text: string): readonly AbiParam[] {
  const abi = parseContractAbi([{ type: "function", name: "f", inputs: parseAbiParameters(text) }]);
  return abi.functions[0]?.inputs ?? [];
}

function decoded(text: string, values: readonly unknown[]): unknown {
  const data = encodeAbiParameters(parseAbiParameters(text) as readonly { type: string }[], values);
  return decodeOutputs(params(text), hexToBytes(data))?.value;
}

describe("return values", () => {
  it("are null, the one value, an object when all are named, else an array", () => {
    assert.deepEqual(decodeOutputs([], new Uint8Array(0)), { value: null });
    assert.equal(decoded("uint256", [5n]), "5");
    assert.deepEqual(decoded("uint256 a, bool b", [5n, true]), { a: "5", b: true });
    assert.deepEqual(decoded("uint256 a, bool", [5n, true]), ["5", true]);
  });

  it("keep integers exact, addresses in lower case, tuples named", () => {
    assert.equal(decoded("uint256", [(1n << 256n) - 1n]), ((1n << 256n) - 1n).toString());
    assert.equal(decoded("int8", [-5]), "-5");
    assert.equal(decoded("address", [ADDRESS]), ADDRESS);
    assert.deepEqual(decoded("(address who, (uint8, bytes)[] list) t", [{ who: ADDRESS, list: [[1, "0x00"]] }]), {
      who: ADDRESS,
      list: [["1", "0x00"]],
    });
    assert.deepEqual(decoded("string[2] s", [["a", "ü"]]), ["a", "ü"]);
  });

  it("give functions as 24 bytes: address and selector", () => {
    const pointer = `${ADDRESS}a9059cbb` as const;
    const data = hexToBytes(encodeAbiParameters([{ type: "bytes24" }], [pointer]));
    assert.deepEqual(decodeOutputs([{ name: "", type: "function" }], data), { value: pointer });
  });

  it("cannot reach a prototype through the name of an output", () => {
    const outputs = [
      { name: "__proto__", type: "uint256" },
      { name: "a", type: "uint256" },
    ];
    const value = decodeOutputs(outputs, new Uint8Array(64))?.value;
    assert.deepEqual(Object.keys(value ?? {}), ["__proto__", "a"]);
  });

  it("that do not fit the outputs are no values", () => {
    assert.equal(decodeOutputs(params("uint256"), new Uint8Array(0)), undefined);
    assert.equal(decodeOutputs(params("uint256"), new Uint8Array(31)), undefined);
    assert.equal(decodeOutputs(params("string"), new Uint8Array(32).fill(255)), undefined);
    assert.equal(decodeOutputs(params("bool"), new Uint8Array(32).fill(255)), undefined);
  });
});

describe("revert data", () => {
  const source = parseAbi(["error Capped(uint256 increased, uint256 cap)", "error Nothing()"]);
  const abi = parseContractAbi(source);

  it("is decoded for the built-in errors and for those of the ABI", () => {
    const text = encodeErrorResult({ abi: parseAbi(["error Error(string)"]), errorName: "Error", args: ["too much"] });
    assert.deepEqual(decodeRevert(hexToBytes(text), undefined), {
      reason: "too much",
      error: "Error",
      args: ["too much"],
      data: text,
    });
    const panic = encodeErrorResult({ abi: parseAbi(["error Panic(uint256)"]), errorName: "Panic", args: [0x11n] });
    assert.equal(decodeRevert(hexToBytes(panic), undefined).reason, "Panic(0x11): arithmetic overflow or underflow");
    const custom = encodeErrorResult({ abi: source, errorName: "Capped", args: [11n, 10n] });
    assert.deepEqual(decodeRevert(hexToBytes(custom), abi), {
      reason: "Capped(11, 10)",
      error: "Capped",
      args: { increased: "11", cap: "10" },
      data: custom,
    });
    assert.equal(
      decodeRevert(hexToBytes(encodeErrorResult({ abi: source, errorName: "Nothing" })), abi).error,
      "Nothing",
    );
  });

  it("that says nothing, or nothing known, is shown as it is", () => {
    for (const data of ["0x", "0x08", "0x12345678", "0x08c379a0", "0x4e487b71ff", `0x08c379a0${"ff".repeat(64)}`]) {
      const revert = decodeRevert(hexToBytes(data), abi);
      assert.equal(revert.data, data);
      assert.equal(revert.error, undefined);
      assert.match(revert.reason, /^reverted with/);
    }
  });

  it("is cut to a length that people read", () => {
    const long = encodeErrorResult({
      abi: parseAbi(["error Error(string)"]),
      errorName: "Error",
      args: ["x".repeat(100_000)],
    });
    assert.equal(decodeRevert(hexToBytes(long), undefined).reason.length, 1_024);
  });
});

describe("logs", () => {
  const source = parseAbi([
    "event Transfer(address indexed from, address indexed to, uint256 value)",
    "event Named(string indexed key, string text)",
  ]);
  const abi = parseContractAbi(source);

  function log(topics: readonly unknown[], types: string, values: readonly unknown[]): Log {
    const data = encodeAbiParameters(parseAbiParameters(types) as readonly { type: string }[], values);
    return { address: ADDRESS, topics: topics as Log["topics"], data: hexToBytes(data) };
  }
  const transfer = (): Log =>
    log(encodeEventTopics({ abi: source, eventName: "Transfer", args: { from: ADDRESS, to: ADDRESS } }), "uint256", [
      7n,
    ]);

  it("get name and arguments, indexed ones included", () => {
    const entry = transfer();
    assert.deepEqual(decodeLog(entry, abi), { event: "Transfer", args: { from: ADDRESS, to: ADDRESS, value: "7" } });
  });

  it("give the hash of an indexed text, which is all there is", () => {
    const entry = log(encodeEventTopics({ abi: source, eventName: "Named", args: { key: "k" } }), "string", ["t"]);
    assert.deepEqual(decodeLog(entry, abi), { event: "Named", args: { key: keccak256(toBytes("k")), text: "t" } });
  });

  it("stay undecoded without ABI, with an unknown topic, or with data of another shape", () => {
    const entry = transfer();
    assert.equal(decodeLog(entry, undefined), undefined);
    assert.equal(decodeLog({ ...entry, topics: [] }, abi), undefined);
    assert.equal(decodeLog({ ...entry, topics: entry.topics.slice(0, 2) }, abi), undefined);
    assert.equal(decodeLog({ ...entry, data: new Uint8Array(3) }, abi), undefined);
    assert.equal(decodeLog({ ...entry, topics: [`0x${"00".repeat(32)}`] }, abi), undefined);
  });
});
