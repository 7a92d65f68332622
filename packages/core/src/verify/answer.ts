/**
 * A node's answer to `GET contracts/{address}/proof`, checked by somebody who trusts the network's signers and nobody
 * else: the header names the state, the nodes prove the account and its slots, and every claim must be what they prove.
 */

import { type Hex, hexToBytes, isHex } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import { EMPTY_CODE_HASH } from "../chain/header.ts";
import type { Account } from "../chain/types.ts";
import type { PoaRules } from "../consensus/poa.ts";
import { parseAddress } from "../crypto/crypto.ts";
import { EMPTY_TRIE_ROOT } from "../trie/types.ts";
import { type VerifiedHeader, verifyHeader } from "./header.ts";
import { type ProvenAccount, type StateQuery, verifyState } from "./state-proof.ts";

/** Far above what the deepest trie needs for the most slots that a node answers with. */
const NODES_MAX = 16_384;

export interface VerifiedAnswer extends ProvenAccount, VerifiedHeader {}

type Fields = Readonly<Record<string, unknown>>;

const refused = (what: string): CodedError => new CodedError("INVALID_PROOF", `the answer proves nothing: ${what}`);

function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value !== "object" || value === null) throw refused(`${what} is no object`);
  return value as Fields;
}

function listOf(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value) || value.length > NODES_MAX) throw refused(`${what} is no list, or too long`);
  return value;
}

function bytesOf(value: unknown, what: string): Uint8Array {
  if (!isHex(value)) throw refused(`${what} is not hexadecimal text`);
  return hexToBytes(value);
}

/** Nodes on the ways to several slots are shared, and come once for each. */
function nodesOf(answer: Fields, slots: readonly Fields[]): Uint8Array[] {
  const lists = [answer.account_proof, ...slots.map(({ proof }) => proof)];
  const nodes = new Set(lists.flatMap((list) => listOf(list, "a proof")));
  if (nodes.size > NODES_MAX) throw refused("it has too many nodes");
  return [...nodes].map((node) => bytesOf(node, "a node"));
}

const ABSENT: Account = { nonce: 0n, balance: 0n, codeHash: EMPTY_CODE_HASH, storageRoot: EMPTY_TRIE_ROOT };

/** What the answer has to say when that is what its nodes prove, by the names of its fields. */
function provenClaims({ header }: VerifiedHeader, { account }: ProvenAccount): Fields {
  const { nonce, balance, codeHash, storageRoot } = account ?? ABSENT;
  return {
    exists: account !== undefined,
    nonce: nonce.toString(),
    balance: balance.toString(),
    code_hash: codeHash,
    storage_root: storageRoot,
    block_hash: header.hash,
    block_number: header.number,
    state_root: header.stateRoot,
  };
}

function checkClaims(answer: Fields, proven: Fields): void {
  const wrong = Object.keys(proven).find((name) => answer[name] !== proven[name]);
  if (wrong !== undefined) throw refused(`${wrong} is not what its nodes prove`);
}

function slotOf(slot: Hex): Hex {
  if (!/^0x[0-9a-fA-F]{1,64}$/.test(slot)) throw new CodedError("INVALID_HEX", `${slot} is not a slot`);
  return `0x${slot.slice(2).toLowerCase().padStart(64, "0")}`;
}

/** What is asked, in the one form in which it is proven. @throws CodedError `INVALID_HEX` */
const queryOf = ({ address, slots }: StateQuery): StateQuery => ({
  address: parseAddress(address),
  slots: slots.map(slotOf),
});

/**
 * What an answer proves of the account and the slots that were asked for, at the block of its header. That this block
 * is recent, or still on the chain, nothing proves: `confirmations` and `certified` are the node's word and are not
 * looked at. The genesis is sealed by nobody, so an answer about it is refused.
 * @param answer the JSON, parsed, from whomever
 * @param asked the question, as the node takes it: the address with a checksum or without, slots as short as they are
 * @returns with `certified: "none"`, where anyone may seal, it holds only if the header's hash is known to be good
 * @throws CodedError `INVALID_PROOF` when it is malformed, is about anything else, or claims what it does not prove;
 * `INVALID_HEX` for a question or signers that are malformed
 */
export function verifyAnswer(answer: unknown, asked: StateQuery, rules: PoaRules): VerifiedAnswer {
  const query = queryOf(asked);
  const fields = fieldsOf(answer, "it");
  const slots = listOf(fields.storage_proof, "storage_proof").map((slot) => fieldsOf(slot, "a slot"));
  const verified = verifyHeader(bytesOf(fields.header, "header"), rules);
  const [proven] = verifyState(verified.header.stateRoot, [query], nodesOf(fields, slots));
  if (proven === undefined) throw refused("it is about no account");
  checkClaims(fields, provenClaims(verified, proven));
  const { address } = fields;
  if (typeof address !== "string" || address.toLowerCase() !== query.address)
    throw refused("it is about another address");
  if (slots.length !== query.slots.length) throw refused("it is about other slots");
  for (const [at, slot] of slots.entries()) {
    checkClaims(slot, { slot: query.slots[at] as Hex, value: proven.slots[at]?.toString() });
  }
  return { ...verified, ...proven };
}
