import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Hex, hexToBytes } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import { createAddress } from "../chain/address.ts";
import type { AnyHeader } from "../chain/any-header.ts";
import { EMPTY_REQUESTS_HASH, ZERO_HASH } from "../chain/header.ts";
import type { AnyUnsignedTransaction } from "../chain/transaction-fields.ts";
import { privateKeyToAddress } from "../crypto/crypto.ts";
import { createForeignChain, foreignGenesis, signAny } from "./foreign-chain.test-support.ts";
import { FORKS_TO_BERLIN } from "./forks.test-support.ts";

const KEY = new Uint8Array(32).fill(1);
const SENDER = privateKeyToAddress(KEY);
const OTHER: Hex = `0x${"bb".repeat(20)}`;
const FUNDED = { [SENDER]: { balance: "0xffffffffffffffffffff" } };
const GWEI = 1_000_000_000n;

const LONDON = { ...FORKS_TO_BERLIN, londonBlock: 0 };
const MERGED = { ...LONDON, terminalTotalDifficulty: 0, shanghaiTime: 0, cancunTime: 0 };
const after = { difficulty: "0x0" };

const transfer = (nonce: number, more: Partial<AnyUnsignedTransaction> = {}): Uint8Array =>
  signAny(
    {
      type: 0,
      nonce: BigInt(nonce),
      gasLimit: 21_000n,
      maxFeePerGas: 2n * GWEI,
      maxPriorityFeePerGas: 2n * GWEI,
      to: OTHER,
      value: 5n,
      data: new Uint8Array(0),
      ...more,
    },
    KEY,
  );

const refusal =
  (words: RegExp, code = "INVALID_BLOCK") =>
  (error: unknown): boolean =>
    error instanceof CodedError && error.code === code && words.test(error.message);

/** Contracts of requests: the first answers one byte, the second nothing. */
const REQUESTS = {
  "0x00000961ef480eb55e80d19ad83579a64c007002": { code: "0x60016000f3" },
  "0x0000bbddc7ce488642fb579f8b00f3a590007251": { code: "0x00" },
};

describe("blocks of chains sealed elsewhere", () => {
  it("are taken at every fork of one chain, each under its own rules", async () => {
    const genesis = foreignGenesis(
      {
        homesteadBlock: 1,
        eip150Block: 2,
        eip155Block: 3,
        eip158Block: 3,
        byzantiumBlock: 4,
        constantinopleBlock: 5,
        petersburgBlock: 6,
        istanbulBlock: 7,
        berlinBlock: 8,
        londonBlock: 9,
        terminalTotalDifficulty: 131_072 * 11,
        shanghaiTime: 143,
        cancunTime: 156,
      },
      FUNDED,
    );
    const chain = createForeignChain(genesis);
    const forks: string[] = [];
    for (let nonce = 0; nonce < 13; nonce++) {
      const { fork, receipts } = await chain.run({ transactions: [transfer(nonce)] });
      forks.push(fork);
      assert.equal(receipts[0]?.stateRoot === undefined, nonce + 1 >= 4, `block ${nonce + 1}`);
      await chain.seal({ transactions: [transfer(nonce)] });
    }
    assert.deepEqual(forks, [
      ...["homestead", "tangerine", "spurious", "byzantium", "constantinople", "petersburg", "istanbul"],
      ...["berlin", "london", "london", "shanghai", "cancun", "cancun"],
    ]);
  });

  it("have receipts with the root between transactions before Byzantium", async () => {
    const chain = createForeignChain(foreignGenesis({ homesteadBlock: 0 }, FUNDED));
    const alone = await chain.run({ transactions: [transfer(0)] });
    const both = await chain.run({ transactions: [transfer(0), transfer(1, { to: `0x${"cc".repeat(20)}` })] });
    assert.equal(both.receipts[0]?.stateRoot, alone.receipts[0]?.stateRoot);
    assert.notEqual(both.receipts[1]?.stateRoot, both.receipts[0]?.stateRoot);
  });

  it("are refused with a header that says anything else than execution gives, by name", async () => {
    const chain = createForeignChain(foreignGenesis(MERGED, FUNDED, after));
    const transactions = [transfer(0)];
    const wrong: readonly (readonly [Partial<AnyHeader>, RegExp, string?])[] = [
      [{ stateRoot: ZERO_HASH }, /^block 1: state root is 0x0+, execution gives 0x/],
      [{ receiptsRoot: ZERO_HASH }, /^block 1: receipts root/],
      [{ gasUsed: 21_001 }, /^block 1: gas used is 21001, execution gives 21000/],
      [{ logsBloom: new Uint8Array(256).fill(1) }, /^block 1: the logs bloom/],
      [{ blobGasUsed: 131_072 }, /^block 1: blob gas used is 131072, execution gives 0/],
      [{ difficulty: 1n }, /header 1: .*difficulty/, "INVALID_HEADER"],
      [{ baseFeePerGas: 1n }, /base fee/, "INVALID_HEADER"],
    ];
    for (const [header, words, code] of wrong) {
      await assert.rejects(chain.check(await chain.seal({ transactions, wrong: header })), refusal(words, code));
    }
    await chain.check(await chain.seal({ transactions, wrong: {} }));
  });

  it("are refused with ommers that may not be in them", async () => {
    const chain = createForeignChain(foreignGenesis({ homesteadBlock: 0 }, FUNDED));
    await chain.seal();
    const block = await chain.seal({ ommers: [chain.head()], wrong: {} });
    await assert.rejects(chain.check(block), refusal(/^block 2: the ommer 0x[0-9a-f]+ is an ancestor/));
  });

  it("are refused with a transaction that may not be in them, by its place", async () => {
    const chain = createForeignChain(foreignGenesis({ ...LONDON, eip155Block: 2 }, FUNDED));
    const refused = (transactions: readonly Uint8Array[], words: RegExp): Promise<void> =>
      assert.rejects(chain.run({ transactions }), refusal(words));
    await refused([transfer(0), transfer(0)], /transaction 1: nonce 0, the sender's next is 1/);
    await refused(
      [transfer(0, { type: 3, chainId: 7n, maxFeePerBlobGas: 1n, blobVersionedHashes: [] })],
      /transaction 0: the fork has no/,
    );
    await refused([transfer(0, { chainId: 7n })], /transaction 0: the fork knows no chain ids/);
    await chain.seal();
    await refused([transfer(0, { chainId: 8n })], /transaction 0: signed for chain 8/);
    await chain.seal({ transactions: [transfer(0, { chainId: 7n })] });
  });

  it("hold as many blobs as the schedule says at their time, and no more", async () => {
    const blobSchedule = {
      cancun: { target: 1, max: 2, baseFeeUpdateFraction: 3_338_477 },
      prague: { target: 1, max: 2, baseFeeUpdateFraction: 3_338_477 },
      osaka: { target: 2, max: 3, baseFeeUpdateFraction: 3_338_477 },
      bpo1: { target: 2, max: 9, baseFeeUpdateFraction: 3_338_477 },
    };
    const genesis = foreignGenesis(
      { ...MERGED, blobSchedule, pragueTime: 20, osakaTime: 20, bpo1Time: 40 },
      { ...FUNDED, ...REQUESTS },
      after,
    );
    const chain = createForeignChain(genesis);
    const blobs = (nonce: number, count: number): Uint8Array =>
      transfer(nonce, {
        type: 3,
        chainId: 7n,
        maxFeePerBlobGas: GWEI,
        blobVersionedHashes: Array.from({ length: count }, (): Hex => `0x01${"00".repeat(31)}`),
      });
    await assert.rejects(chain.run({ transactions: [blobs(0, 3)] }), refusal(/3 blobs are more than 2/));
    await chain.seal({ transactions: [blobs(0, 2)] });
    await chain.seal({ transactions: [blobs(1, 3)] });
    await assert.rejects(chain.run({ transactions: [blobs(2, 2), blobs(3, 2)] }), refusal(/room for 1 blobs/));
    await chain.seal();
    await assert.rejects(chain.run({ transactions: [blobs(2, 7)] }), refusal(/7 blobs are more than 6/));
    const block = await chain.seal({ transactions: [blobs(2, 6), blobs(3, 3)] });
    assert.equal(block.header.blobGasUsed, 9 * 131_072);
  });

  it("pay rewards, to ommers too, and withdrawals", async () => {
    const work = createForeignChain(foreignGenesis({ ...LONDON }, {}, { coinbase: SENDER }));
    const genesis = work.head();
    await work.seal();
    const { changes } = await work.run({ ommers: [{ ...genesis, number: 1, coinbase: OTHER }] });
    const ether = 10n ** 18n;
    assert.equal(changes.accounts.get(SENDER)?.balance, 4n * ether + ether / 16n);
    assert.equal(changes.accounts.get(OTHER)?.balance, (7n * 2n * ether) / 8n);
    const merged = createForeignChain(foreignGenesis(MERGED, FUNDED, after));
    const withdrawals = [{ index: 0n, validatorIndex: 1n, address: OTHER, amount: 3n * GWEI }];
    const paid = await merged.run({ withdrawals });
    assert.equal(paid.changes.accounts.get(OTHER)?.balance, 3n * GWEI);
    await merged.check(await merged.seal({ withdrawals, wrong: {} }));
  });

  it("have requests of the contracts that take them, without which they are refused", async () => {
    const config = { ...MERGED, pragueTime: 0, depositContractAddress: OTHER };
    const bare = createForeignChain(foreignGenesis(config, FUNDED, after));
    await assert.rejects(
      bare.seal(),
      refusal(/contract of requests 0x00000961ef480eb55e80d19ad83579a64c007002 is missing/),
    );
    const chain = createForeignChain(foreignGenesis(config, { ...FUNDED, ...REQUESTS }, after));
    const { header } = await chain.seal({ wrong: {} });
    assert.notEqual(header.requestsHash, EMPTY_REQUESTS_HASH);
    await chain.check(await chain.seal({ wrong: {} }));
    const other = await chain.seal({ wrong: { requestsHash: EMPTY_REQUESTS_HASH } });
    await assert.rejects(chain.check(other), refusal(/^block 1: requests hash is 0xe3b0/));
  });

  it("may not be too large from Osaka on", async () => {
    const osaka = createForeignChain(
      foreignGenesis({ ...MERGED, pragueTime: 0, osakaTime: 0 }, { ...FUNDED, ...REQUESTS }, after),
    );
    const block = await osaka.seal({ wrong: {} });
    await osaka.check(block, 8 * 1024 * 1024);
    await assert.rejects(osaka.check(block, 8 * 1024 * 1024 + 1), refusal(/^block 1: 8388609 bytes/));
  });

  it("may remove a contract with all that it stores before Cancun", async () => {
    const chain = createForeignChain(foreignGenesis({ ...LONDON, eip155Block: 0 }, FUNDED));
    // SSTORE(0, 1); code: CALLER SELFDESTRUCT
    const initcode = hexToBytes("0x60016000556133ff6000526002601ef3");
    const create = transfer(0, { data: initcode, gasLimit: 200_000n, value: 0n, to: undefined as unknown as Hex });
    const contract = createAddress(SENDER, 0n);
    const made = await chain.run({ transactions: [create] });
    assert.deepEqual(
      made.creations.map(({ address, topLevel }) => [address, topLevel]),
      [[contract, true]],
    );
    await chain.seal({ transactions: [create] });
    const kill = transfer(1, { to: contract, gasLimit: 100_000n, value: 0n });
    const gone = await chain.run({ transactions: [kill] });
    assert.equal(gone.changes.accounts.get(contract), null);
    await chain.seal({ transactions: [kill] });
  });
});
