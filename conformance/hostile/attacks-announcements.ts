/** Attacks by what a peer announces unasked. */

import type { Hex } from "@counterpart/core/base/bytes";
import { encodeBlock } from "@counterpart/core/chain/block";
import { UPDATED_AT_MAX } from "@counterpart/core/sync/artifact";
import type { Message, NewContractMessage } from "@counterpart/core/sync/message-types";
import {
  copyChain,
  envelopeOf,
  FAKE_HASH,
  FORGED_CODE_HASH,
  FORGED_CONTRACT,
  FORGER,
  forgeBlock,
  forgeRecord,
  forgeTransaction,
  tipOf,
} from "./forgeries.ts";
import type { HostilePeer } from "./hostile-peer.ts";
import type { Attack, Ground } from "./judge.ts";
import { announces, IGNORED, TOLERATED } from "./moves.ts";

const HOUR_MS = 3_600_000;
const SMALL = 10_000;
const LARGE = 200;
const LARGE_BYTES = 256_000;
const TRANSACTIONS = 4_096;
const TRANSACTIONS_A_MESSAGE = 256;
const BLOCKS = 1_000;
const DROPPED = /^counterpart_dropped_announcements_total/;

async function newContracts(peer: HostilePeer, { token }: Ground): Promise<readonly Message[]> {
  const { hash: blockHash } = peer.version.status.head;
  const { codeHash } = await envelopeOf(peer, token);
  const contract = { address: FORGED_CONTRACT, codeHash: FORGED_CODE_HASH };
  const artifact = forgeRecord(peer, { ...contract, creationNonce: 0n }, Date.now());
  const made: NewContractMessage = { type: "NewContract", blockHash, owner: FORGER, ...contract, artifact };
  const contracts = [{ address: token, storageRoot: FAKE_HASH }];
  return [
    made,
    { ...made, blockHash: FAKE_HASH },
    { type: "NewContract", blockHash, address: token, owner: FORGER, codeHash },
    { type: "NewContract", blockHash, address: token, owner: FORGER, codeHash: FORGED_CODE_HASH },
    { type: "UpdateContract", kind: "state", blockHash, contracts, truncated: false },
  ];
}

async function wrongRecords(peer: HostilePeer, { token }: Ground): Promise<readonly Message[]> {
  const held = await envelopeOf(peer, token);
  const dates = [held.updatedAt + 1, Date.now() + HOUR_MS, UPDATED_AT_MAX, UPDATED_AT_MAX + 1];
  return dates.map((date) => ({
    type: "UpdateContract",
    kind: "artifact",
    artifact: forgeRecord(peer, held, date),
  }));
}

const word = (i: number): Hex => `0x${i.toString(16).padStart(64, "6")}`;

/** Valid in form, each new, none of use: small ones by the thousand, and as many bytes as fit. */
function* contractFlood(peer: HostilePeer): Generator<Message> {
  const contract = { type: "NewContract", address: FORGED_CONTRACT, owner: FORGER } as const;
  const record = forgeRecord(peer, { address: FORGED_CONTRACT, codeHash: FORGED_CODE_HASH }, 1);
  const artifact = { ...record, content: new Uint8Array(LARGE_BYTES) };
  for (let i = 0; i < SMALL; i++) yield { ...contract, blockHash: word(i), codeHash: FORGED_CODE_HASH };
  for (let i = 0; i < LARGE; i++) yield { ...contract, blockHash: word(i), codeHash: word(i), artifact };
}

/** Of an account that can pay for none of them. */
function* transactionFlood(peer: HostilePeer): Generator<Message> {
  for (let nonce = 0; nonce < TRANSACTIONS; nonce += TRANSACTIONS_A_MESSAGE) {
    const transactions = Array.from({ length: TRANSACTIONS_A_MESSAGE }, (_, i) => forgeTransaction(peer, nonce + i));
    yield { type: "NewTransaction", transactions };
  }
}

/** Children of blocks that do not exist, so that each has to be asked for. */
async function blockFlood(peer: HostilePeer): Promise<readonly Message[]> {
  const tip = tipOf(await copyChain(peer, peer.version.status.head.number));
  return Array.from({ length: BLOCKS }, (_, i) => {
    const block = encodeBlock(forgeBlock({ ...tip, hash: word(i), number: tip.number + i }));
    return { type: "NewBlock", kind: "block", block };
  });
}

export const ANNOUNCEMENT_ATTACKS: readonly Attack[] = [
  {
    name: "contracts that nobody created, or of other owners, code and state, are announced",
    verdict: TOLERATED,
    run: announces([FORGED_CONTRACT, FORGED_CODE_HASH, FORGER], newContracts),
  },
  {
    name: "artifacts are signed by another than the owner, and dated far ahead",
    verdict: IGNORED,
    run: announces([FORGER], wrongRecords),
  },
  {
    name: "contracts are announced in floods",
    verdict: TOLERATED,
    counted: [DROPPED],
    peakMiB: 192,
    run: announces([FORGED_CONTRACT, FORGED_CODE_HASH], async (peer) => contractFlood(peer)),
  },
  {
    name: "transactions that cannot be paid are announced in floods",
    verdict: TOLERATED,
    counted: [/^counterpart_pool_refused_transactions_total\{.*code="INSUFFICIENT_FUNDS".*\}$/],
    // The first burst begins a thread that recovers senders.
    peakMiB: 128,
    run: announces([FORGER], async (peer) => transactionFlood(peer)),
  },
  {
    name: "blocks without parents are announced in floods",
    verdict: TOLERATED,
    run: announces([FORGER], blockFlood),
  },
];
