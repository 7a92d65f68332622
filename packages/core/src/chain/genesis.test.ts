import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createMPT } from "@ethereumjs/mpt";
import { bigIntToBytes, concatBytes, type Hex, hexToBytes } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import { encodeRlp, rlpBigInt } from "../codec/rlp.ts";
import { keccak256, keccak256Hex } from "../crypto/crypto.ts";
import { EMPTY_TRIE_ROOT } from "../trie/ordered.ts";
import type { TrieChange } from "../trie/types.ts";
import { updateTrie } from "../trie/update.ts";
import { encodeAccount } from "./account.ts";
import { createAddress } from "./address.ts";
import { DEV_ACCOUNTS, DEV_GENESIS, type Genesis, genesisAlloc, genesisHeader } from "./genesis.ts";
import { parseGenesis } from "./genesis-json.ts";
import { hashHeader } from "./header.ts";
import { MULTICALL3_CODE } from "./multicall3-code.ts";
import {
  BEACON_ROOTS_ADDRESS,
  BEACON_ROOTS_CODE,
  CREATE2_DEPLOYER_ADDRESS,
  CREATE2_DEPLOYER_CODE,
  HISTORY_ADDRESS,
  HISTORY_CODE,
} from "./system-contracts.ts";
import { decodeTransaction } from "./transaction.ts";

const nothing = (): undefined => undefined;

function leaves(genesis: Genesis): TrieChange[] {
  const { accounts, storage } = genesisAlloc(genesis);
  return [...accounts].map(([address, account]) => {
    const slots = [...(storage.get(address) ?? [])].map(([slot, value]) => ({
      key: keccak256(hexToBytes(slot)),
      value: encodeRlp(bigIntToBytes(value)),
    }));
    const storageRoot = updateTrie(nothing, EMPTY_TRIE_ROOT, slots).root;
    return { key: keccak256(hexToBytes(address)), value: encodeAccount({ ...account, storageRoot }) };
  });
}

const stateRoot = (genesis: Genesis): Hex => updateTrie(nothing, EMPTY_TRIE_ROOT, leaves(genesis)).root;
const hashOf = (genesis: Genesis): Hex => genesisHeader(genesis, stateRoot(genesis)).hash;

describe("the development genesis", () => {
  it("is the same block on every machine", () => {
    assert.equal(stateRoot(DEV_GENESIS), "0xcea82dde0728ee99fb28b6781abf03d067268d481748ea2a635605988e8342d2");
    const header = genesisHeader(DEV_GENESIS, stateRoot(DEV_GENESIS));
    assert.equal(header.hash, "0xe8a10961e5adb338f7d07cde714d3dacd1eb73032f7410818fbeddee757081f4");
    assert.equal(header.hash, hashHeader(header));
  });

  it("has the state root that the reference trie computes", async () => {
    const trie = await createMPT();
    for (const { key, value } of leaves(DEV_GENESIS)) await trie.put(key, value);
    assert.deepEqual(trie.root(), hexToBytes(stateRoot(DEV_GENESIS)));
  });

  it("funds ten accounts with 10,000 ether and holds four contracts", () => {
    const { accounts, codes } = genesisAlloc(DEV_GENESIS);
    for (const address of DEV_ACCOUNTS) assert.equal(accounts.get(address)?.balance, 10n ** 22n);
    assert.equal(accounts.size, 14);
    assert.equal(codes.size, 4);
    for (const [hash, code] of codes) assert.equal(keccak256Hex(code), hash);
  });
});

describe("the predeployed contracts", () => {
  /** A keyless deployment: the signature is made up, so the sender, and with it the address, depends on every byte. */
  function keyless(gasPrice: bigint, gasLimit: bigint, initcode: Uint8Array, signature: readonly bigint[]): Uint8Array {
    const fields = [0n, gasPrice, gasLimit].map(rlpBigInt);
    const [to, value] = [new Uint8Array(0), new Uint8Array(0)];
    return encodeRlp([...fields, to, value, initcode, ...signature.map(rlpBigInt)]);
  }

  const deployedAt = (raw: Uint8Array): Hex => {
    const { sender, nonce } = decodeTransaction(raw, DEV_GENESIS.chainId);
    return createAddress(sender, nonce);
  };

  it("of EIP-4788 and EIP-2935 have the code that their deployment transactions put at those addresses", () => {
    const beacon = concatBytes(hexToBytes("0x60618060095f395ff3"), hexToBytes(BEACON_ROOTS_CODE));
    const history = concatBytes(hexToBytes("0x60538060095f395ff3"), hexToBytes(HISTORY_CODE));
    const price = 1_000_000_000_000n;
    assert.equal(deployedAt(keyless(price, 250_000n, beacon, [27n, 0x539n, 0x1b9b6eb1f0n])), BEACON_ROOTS_ADDRESS);
    assert.equal(
      deployedAt(keyless(price, 250_000n, history, [27n, 0x539n, 0xaa12693182426612186309f02cfe8a80a0000n])),
      HISTORY_ADDRESS,
    );
  });

  it("include the CREATE2 deployer, as its own keyless transaction deploys it", () => {
    const initcode = concatBytes(hexToBytes("0x604580600e600039806000f350fe"), hexToBytes(CREATE2_DEPLOYER_CODE));
    const repeated = BigInt(`0x${"22".repeat(32)}`);
    const raw = keyless(100_000_000_000n, 100_000n, initcode, [27n, repeated, repeated]);
    assert.equal(deployedAt(raw), CREATE2_DEPLOYER_ADDRESS);
  });

  it("include Multicall3 as it is deployed on public networks", () => {
    assert.equal(
      keccak256Hex(hexToBytes(MULTICALL3_CODE)),
      "0xd5c15df687b16f2ff992fc8d767b4216323184a2bbc6ee2f9c398c318e770891",
    );
  });
});

describe("a genesis hash", () => {
  it("depends on chain id, signers, time, gas limit and accounts", () => {
    const signers = [DEV_ACCOUNTS[0] as Hex];
    const variants: Genesis[] = [
      DEV_GENESIS,
      { ...DEV_GENESIS, chainId: 31_338 },
      { ...DEV_GENESIS, signers },
      { ...DEV_GENESIS, timestamp: DEV_GENESIS.timestamp + 1 },
      { ...DEV_GENESIS, gasLimit: DEV_GENESIS.gasLimit + 1 },
      { ...DEV_GENESIS, alloc: new Map([...DEV_GENESIS.alloc].slice(1)) },
    ];
    assert.equal(new Set(variants.map(hashOf)).size, variants.length);
  });
});

const FILE = {
  chainId: 31_337,
  consensus: "poa",
  timestamp: 1,
  gasLimit: 60_000_000,
  alloc: {
    "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266": { balance: "10000" },
    "0x70997970c51812dc3a010c7d01b50e0d17dc79c8": {
      balance: "0x10",
      nonce: 1,
      code: "0x6000",
      storage: { "0x1": "0x2", "3": "4" },
    },
  },
};

describe("a genesis file", () => {
  const rejects = (change: Record<string, unknown>, message: RegExp): void =>
    rejectsText(JSON.stringify({ ...FILE, ...change }), message);
  function rejectsText(text: string, message: RegExp): void {
    assert.throws(
      () => parseGenesis(text),
      (error) => {
        assert.ok(error instanceof CodedError, String(error));
        assert.equal(error.code, "INVALID_GENESIS");
        assert.match(error.message, message);
        return true;
      },
    );
  }
  const account = (value: unknown): Record<string, unknown> => ({ alloc: { [DEV_ACCOUNTS[3] as Hex]: value } });

  it("is read whole", () => {
    const genesis = parseGenesis(JSON.stringify(FILE));
    const { chainId, consensus, signers, gasLimit } = genesis;
    assert.deepEqual([chainId, consensus, signers, gasLimit], [31_337, "poa", [], 60_000_000]);
    assert.deepEqual([...genesis.alloc.keys()], DEV_ACCOUNTS.slice(0, 2));
    const contract = genesis.alloc.get(DEV_ACCOUNTS[1] as Hex);
    assert.deepEqual(contract, {
      balance: 16n,
      nonce: 1n,
      code: new Uint8Array([0x60, 0]),
      storage: new Map([
        [`0x${"1".padStart(64, "0")}`, 2n],
        [`0x${"3".padStart(64, "0")}`, 4n],
      ]),
    });
    assert.equal(genesisAlloc(genesis).storage.size, 1);
  });

  it("has amounts exactly, also as numbers that ordinary ones would round", () => {
    const balanceOf = (written: string): bigint | undefined =>
      parseGenesis(JSON.stringify({ ...FILE, ...account({ balance: "?" }) }).replace('"?"', written)).alloc.get(
        DEV_ACCOUNTS[3] as Hex,
      )?.balance;
    assert.equal(balanceOf("10000000000000000000001"), 10_000_000_000_000_000_000_001n);
    for (const written of ["1e22", "10000000000000000000001.0", "-10000000000000000000001", "9".repeat(79)])
      assert.throws(() => balanceOf(written), /balance is neither an integer nor/);
    assert.throws(() => balanceOf("9".repeat(78)), /balance is negative or above/);
  });

  it("gives the same chain in whatever order its signers are", () => {
    const [a, b] = DEV_ACCOUNTS as [Hex, Hex];
    const read = (signers: readonly Hex[]): Hex => hashOf(parseGenesis(JSON.stringify({ ...FILE, signers })));
    assert.equal(read([a, b]), read([b, a]));
    assert.notEqual(read([a, b]), read([a]));
  });

  it("is refused with a message that names the fault", () => {
    rejectsText("{", /not valid JSON/);
    rejectsText("[]", /the file is not an object/);
    rejects({ extra: 1 }, /unknown member "extra"/);
    rejects({ consensus: "qbft" }, /consensus/);
    for (const chainId of [0, -1, 1.5, "1", undefined]) rejects({ chainId }, /chainId is not an integer/);
    rejects({ timestamp: null }, /timestamp/);
    rejects({ gasLimit: 1000 }, /gasLimit/);
    rejects({ signers: "0x" }, /signers is not a list/);
    rejects({ signers: ["0x12"] }, /signers\[0\]/);
    rejects({ signers: [DEV_ACCOUNTS[0], DEV_ACCOUNTS[0]] }, /twice/);
    rejects({ alloc: [] }, /alloc is not an object/);
    rejects({ alloc: { "0x12": {} } }, /alloc, "0x12"/);
    rejects({ alloc: { "0xF39Fd6e51aad88F6F4ce6aB8827279cffFb92266": {} } }, /EIP-55/);
    const address = DEV_ACCOUNTS[0] as Hex;
    const twice = { [address]: { balance: 1 }, [`0x${address.slice(2).toUpperCase()}`]: { balance: 1 } };
    rejects({ alloc: twice }, /twice/);
  });

  it("is refused when an account cannot be", () => {
    rejects(account({}), /is empty/);
    rejects(account({ balanc: 1 }), /unknown member "balanc"/);
    for (const balance of [-1, 1.5, "1.5", "0x", "ten", "01", `${2n ** 256n}`]) {
      rejects(account({ balance }), /balance/);
    }
    rejects(account({ balance: 1, nonce: `${2n ** 64n - 1n}` }), /nonce/);
    rejects(account({ code: "6000" }), /code/);
    rejects(account({ code: "0xef00" }), /EIP-3541/);
    rejects(account({ code: `0x${"00".repeat(24_577)}` }), /EIP-170/);
    rejects(account({ balance: 1, storage: { "0x1": "0x1" } }), /storage but no code/);
    rejects(account({ code: "0x00", storage: { "0x1": "0x0" } }), /zero/);
    rejects(account({ code: "0x00", storage: { "0x1": 1, "1": 1 } }), /twice/);
    const half = `${2n ** 255n}`;
    const [a, b] = DEV_ACCOUNTS as [Hex, Hex];
    rejects({ alloc: { [a]: { balance: half }, [b]: { balance: half } } }, /together exceed/);
  });
});
