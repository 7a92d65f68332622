/** A short chain that was sealed elsewhere, for tests of what imports and serves such chains. */

import { type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { createAddress } from "@counterpart/core/chain/address";
import { encodeAnyBlock } from "@counterpart/core/chain/any-block";
import { type Content, createForeignChain, signAny } from "@counterpart/core/consensus/foreign-chain.test-support";
import { parseForeignGenesis } from "@counterpart/core/consensus/foreign-genesis";
import { privateKeyToAddress } from "@counterpart/core/crypto/crypto";

const KEY = new Uint8Array(32).fill(1);
const SENDER = privateKeyToAddress(KEY);
export const GWEI = 1_000_000_000n;
export const BLOBS: Hex = `0x01${"ab".repeat(31)}`;
/** Answers nothing: no requests. */
const EMPTY_QUEUE = { code: "0x00" };

/** A genesis file whose chain comes to every set of rules from Homestead to Osaka within six blocks. */
export const GENESIS = JSON.stringify({
  config: {
    chainId: 7,
    homesteadBlock: 0,
    eip150Block: 0,
    eip155Block: 0,
    eip158Block: 0,
    byzantiumBlock: 2,
    constantinopleBlock: 2,
    petersburgBlock: 2,
    istanbulBlock: 2,
    berlinBlock: 2,
    londonBlock: 3,
    terminalTotalDifficulty: 131_072 * 4,
    shanghaiTime: 13 * 4,
    cancunTime: 13 * 4,
    pragueTime: 13 * 5,
    osakaTime: 13 * 6,
  },
  gasLimit: "0x1c9c380",
  difficulty: "0x20000",
  alloc: {
    [SENDER]: { balance: "0xffffffffffffffffffff" },
    "0x00000961ef480eb55e80d19ad83579a64c007002": EMPTY_QUEUE,
    "0x0000bbddc7ce488642fb579f8b00f3a590007251": EMPTY_QUEUE,
  },
});

/** A transaction of the account that is funded. */
export const signed = (nonce: number, more: object = {}): Uint8Array =>
  signAny(
    {
      type: 0,
      nonce: BigInt(nonce),
      gasLimit: 200_000n,
      maxFeePerGas: 2n * GWEI,
      maxPriorityFeePerGas: 2n * GWEI,
      to: SENDER,
      value: 1n,
      data: new Uint8Array(0),
      ...more,
    },
    KEY,
  );

/** SSTORE(0, 1); the code that stays answers what the slot holds. */
const INITCODE = hexToBytes("0x60016000556a60005460005260206000f3600052600b6015f3");
export const CONTRACT = createAddress(SENDER, 1n);

/** Encoded blocks with these contents, on the genesis. */
export async function sealed(contents: readonly Content[]): Promise<Uint8Array[]> {
  const chain = createForeignChain(parseForeignGenesis(GENESIS));
  const blocks: Uint8Array[] = [];
  for (const content of contents) blocks.push(encodeAnyBlock(await chain.seal(content)));
  return blocks;
}

const WITHDRAWAL = { index: 0n, validatorIndex: 5n, address: CONTRACT, amount: 3n * GWEI };
const BLOB = { type: 3, chainId: 7n, maxFeePerBlobGas: GWEI, blobVersionedHashes: [BLOBS] };

/** One block for each set of rules, from Homestead to Osaka. */
export const BLOCKS = await sealed([
  { transactions: [signed(0)] },
  { transactions: [signed(1, { to: undefined, value: 0n, data: INITCODE })] },
  { transactions: [signed(2, { type: 2, chainId: 7n, maxPriorityFeePerGas: GWEI })] },
  { withdrawals: [WITHDRAWAL], transactions: [signed(3, BLOB)] },
  {},
  { transactions: [signed(4)] },
]);
