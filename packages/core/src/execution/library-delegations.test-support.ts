/** What the authorizations of a type 4 transaction do before its call runs (EIP-7702), for messages outside of one. */

import { bigIntToBytes, bigIntToFixedBytes, concatBytes, type Hex, hexToBytes } from "../base/bytes.ts";
import { isDelegation } from "../chain/account.ts";
import { EMPTY_CODE_HASH, ZERO_ADDRESS } from "../chain/header.ts";
import type { Authorization } from "../chain/types.ts";
import { encodeRlp } from "../codec/rlp.ts";
import { keccak256, recoverAddress } from "../crypto/crypto.ts";
import type { StateJournal } from "./library-journal.test-support.ts";

const MAGIC = new Uint8Array([0x05]);
const DELEGATION_PREFIX = hexToBytes("0xef0100");
const NO_CODE = new Uint8Array(0);
const NONCE_LIMIT = 2n ** 64n - 1n;
/** PER_EMPTY_ACCOUNT_COST less PER_AUTH_BASE_COST: given back where the authority exists. */
const EXISTING_ACCOUNT_REFUND = 12_500n;

/** Who signed an authorization; undefined when its signature is not valid. */
function authorityOf({ chainId, address, nonce, yParity, r, s }: Authorization): Hex | undefined {
  const payload = encodeRlp([bigIntToBytes(chainId), hexToBytes(address), bigIntToBytes(nonce)]);
  const digest = keccak256(concatBytes(MAGIC, payload));
  try {
    const rs = [bigIntToFixedBytes(r, 32), bigIntToFixedBytes(s, 32)];
    return recoverAddress(digest, concatBytes(...rs, new Uint8Array([yParity])));
  } catch {
    return undefined;
  }
}

function mayDelegate(journal: StateJournal, authority: Hex, nonce: bigint): boolean {
  const account = journal.account(authority);
  if ((account?.nonce ?? 0n) !== nonce) return false;
  return account === undefined || account.codeHash === EMPTY_CODE_HASH || isDelegation(journal.code(authority));
}

export interface Delegated {
  readonly refund: bigint;
  /** Authorities whose signature is valid: they are warm, whatever became of the authorization. */
  readonly authorities: readonly Hex[];
}

/** Delegates each account whose authorization is valid; others are passed over, as in a transaction. */
export function applyAuthorizations(
  journal: StateJournal,
  authorizations: readonly Authorization[],
  chainId: number,
): Delegated {
  const authorities: Hex[] = [];
  let refund = 0n;
  for (const authorization of authorizations) {
    const { chainId: signedFor, nonce, address } = authorization;
    if ((signedFor !== 0n && signedFor !== BigInt(chainId)) || nonce >= NONCE_LIMIT) continue;
    const authority = authorityOf(authorization);
    if (authority === undefined) continue;
    authorities.push(authority);
    if (!mayDelegate(journal, authority, nonce)) continue;
    if (journal.account(authority) !== undefined) refund += EXISTING_ACCOUNT_REFUND;
    journal.setCode(
      authority,
      address === ZERO_ADDRESS ? NO_CODE : concatBytes(DELEGATION_PREFIX, hexToBytes(address)),
    );
    const account = journal.account(authority);
    if (account !== undefined) journal.setAccount(authority, { ...account, nonce: nonce + 1n });
  }
  return { refund, authorities };
}
