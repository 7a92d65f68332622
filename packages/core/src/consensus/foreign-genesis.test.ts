import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createBlock } from "@ethereumjs/block";
import { createCommonFromGethGenesis, type GethGenesis, Hardfork } from "@ethereumjs/common";
import { bytesToHex, type Hex, hexToBytes } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import { foreignGenesisHeader, isForeignGenesis, parseForeignGenesis } from "./foreign-genesis.ts";
import { parseForkSchedule } from "./fork-schedule.ts";
import { FORKS_TO_BERLIN } from "./forks.test-support.ts";

const OLD_FORKS = { chainId: 7, ...FORKS_TO_BERLIN };
const FILE = { config: OLD_FORKS, gasLimit: "0x1388", difficulty: "0x400000000", alloc: {} };
const ROOT: Hex = "0xd7f8974fb5ac78d9ac099b9ad5018bedc2ce0a72dad1827a1709da30580f0544";
const parse = (file: object) => parseForeignGenesis(JSON.stringify(file));

describe("the genesis file of other clients", () => {
  it("gives the genesis block of the main network and of Sepolia", () => {
    const main = {
      ...FILE,
      nonce: "0x42",
      extraData: "0x11bbe8db4e347b4e8c937c1c8370e4b5ed33adb3db69cbdb7a38e1e50b1b82fa",
    };
    const header = foreignGenesisHeader(parse(main), ROOT);
    assert.equal(header.hash, "0xd4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3");
    const sepolia = {
      ...FILE,
      config: { ...OLD_FORKS, londonBlock: 0 },
      timestamp: "0x6159af19",
      extraData: bytesToHex(new TextEncoder().encode("Sepolia, Athens, Attica, Greece!")),
      gasLimit: "0x1c9c380",
      difficulty: "0x20000",
    };
    // As other clients write it: a number that is not exact as an ordinary one.
    const text = JSON.stringify({ ...sepolia, config: { ...sepolia.config, terminalTotalDifficulty: 17 } }).replace(
      '"terminalTotalDifficulty":17',
      '"terminalTotalDifficulty":17000000000000001',
    );
    const { schedule, config } = parseForeignGenesis(text);
    assert.equal(schedule.terminalTotalDifficulty, 17_000_000_000_000_001n);
    assert.deepEqual(parseForkSchedule(JSON.parse(config)), schedule, "what is kept of it says the same");
    const root = "0x5eb6e371a698b8d68f665192350ffcecbbbf322916f4b51bd79bb6887da3f494";
    const hash = "0x25a5cc106eea7138acab33231d7160d69cb777ee0c2c553fcddf5138993e6dd9";
    assert.equal(foreignGenesisHeader(parseForeignGenesis(text), root).hash, hash);
  });

  it("gives the reference library's genesis block at each fork that added fields to headers", () => {
    const merged = { londonBlock: 0, terminalTotalDifficulty: 0, mergeNetsplitBlock: 0 };
    const times = { shanghaiTime: 0, cancunTime: 0, pragueTime: 0 };
    const cases: readonly (readonly [Hardfork, object])[] = [
      [Hardfork.Berlin, {}],
      [Hardfork.London, { londonBlock: 0 }],
      [Hardfork.Shanghai, { ...merged, shanghaiTime: 0 }],
      [Hardfork.Cancun, { ...merged, shanghaiTime: 0, cancunTime: 0 }],
      [Hardfork.Prague, { ...merged, ...times }],
    ];
    for (const [hardfork, forks] of cases) {
      const difficulty = hardfork === Hardfork.Berlin || hardfork === Hardfork.London ? "0x20000" : "0x0";
      const file = {
        ...FILE,
        config: { ...OLD_FORKS, ...forks },
        difficulty,
        timestamp: "0x5",
        extraData: "0x01",
        nonce: "0x0",
      };
      const common = createCommonFromGethGenesis({ ...file, mixHash: ROOT, coinbase: ROOT } as unknown as GethGenesis, {
        chain: "test",
        hardfork,
      });
      const { gasLimit, timestamp, extraData, nonce } = common.genesis();
      const theirs = createBlock(
        {
          header: {
            number: 0,
            stateRoot: ROOT,
            gasLimit,
            difficulty,
            extraData,
            nonce,
            timestamp: timestamp ?? "0x5",
            ...(hardfork === Hardfork.Berlin ? {} : { baseFeePerGas: 1_000_000_000n }),
          },
        },
        { common, skipConsensusFormatValidation: true },
      );
      assert.equal(foreignGenesisHeader(parse(file), ROOT).hash, bytesToHex(theirs.hash()), hardfork);
    }
  });

  it("has accounts with amounts in either form, empty ones, and storage without code", () => {
    const a = "00000961ef480eb55e80d19ad83579a64c007002";
    const { alloc, schedule } = parse({
      ...FILE,
      alloc: {
        [a]: { balance: "10", nonce: "0x2", code: "0x6001", storage: { "0x1": "0x02", [`${"0".repeat(63)}3`]: "04" } },
        [`0x${"AB".repeat(20)}`]: { balance: "0x10" },
        [`0x${"01".repeat(20)}`]: { storage: { "0x1": "0x5", "0x2": "0x0" } },
        [`0x${"02".repeat(20)}`]: {},
      },
    });
    assert.equal(schedule.chainId, 7);
    const slot = (n: number): Hex => `0x${n.toString().padStart(64, "0")}`;
    assert.deepEqual(alloc.get(`0x${a}`), {
      balance: 10n,
      nonce: 2n,
      code: hexToBytes("0x6001"),
      storage: new Map([
        [slot(1), 2n],
        [slot(3), 4n],
      ]),
    });
    assert.equal(alloc.get(`0x${"ab".repeat(20)}`)?.balance, 16n);
    assert.deepEqual(alloc.get(`0x${"01".repeat(20)}`)?.storage, new Map([[slot(1), 5n]]));
    assert.equal(alloc.get(`0x${"02".repeat(20)}`)?.balance, 0n);
  });

  it("is refused with a message that names the fault", () => {
    const refused = (change: object, words: RegExp): void =>
      assert.throws(
        () => parse({ ...FILE, ...change }),
        (error) => error instanceof CodedError && error.code === "INVALID_GENESIS" && words.test(error.message),
      );
    refused({ config: { ...OLD_FORKS, daoForkBlock: 5 } }, /DAO/);
    refused({ config: { ...OLD_FORKS, clique: { period: 1 } } }, /clique/);
    refused({ config: { ...OLD_FORKS, amsterdamTime: 5 } }, /amsterdamTime/);
    refused({ config: { ...OLD_FORKS, depositContractAddress: "0x12" } }, /depositContractAddress/);
    refused({ config: { ...OLD_FORKS, note: "x".repeat(70_000) } }, /config is longer/);
    refused({ gasLimit: undefined }, /gasLimit is missing/);
    refused({ gasLimit: `0x8${"0".repeat(15)}` }, /gasLimit/);
    refused({ number: "0x1" }, /number is not 0/);
    refused({ extraData: "0x1" }, /extraData/);
    refused({ mixHash: "0x12" }, /mixHash/);
    refused({ alloc: { "0x12": {} } }, /alloc, "0x12"/);
    refused({ alloc: { [`0x${"01".repeat(20)}`]: { storage: { "0xzz": "0x1" } } } }, /slot "0xzz"/);
    refused({ alloc: { [`0x${"01".repeat(20)}`]: { nonsense: 1 } } }, /unknown member "nonsense"/);
    refused({ alloc: { [`0x${"ab".repeat(20)}`]: {}, ["AB".repeat(20)]: {} } }, /twice/);
  });

  it("is told apart from this node's own by its config", () => {
    assert.equal(isForeignGenesis(JSON.stringify(FILE)), true);
    for (const text of ["{}", "[]", "null", '{"chainId":7,"consensus":"poa"}'])
      assert.equal(isForeignGenesis(text), false);
  });
});
