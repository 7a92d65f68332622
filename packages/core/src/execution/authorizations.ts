/** What an authorization of a type 4 transaction does before its call runs (EIP-7702). */

import { bigIntToBytes, bigIntToFixedBytes, concatBytes, type Hex, hexToBytes } from "../base/bytes.ts";
import { isDelegation } from "../chain/account.ts";
import { EMPTY_CODE_HASH, ZERO_ADDRESS } from "../chain/header.ts";
import type { Authorization } from "../chain/types.ts";
import { encodeRlp } from "../codec/rlp.ts";
import { keccak256, keccak256Hex, recoverAddress } from "../crypto/crypto.ts";
import type { AccountState } from "./account-state.ts";
import { Code, NO_CODE } from "./code.ts";
import { big, type Word } from "./word.ts";
import type { World } from "./world.ts";

const MAGIC = new Uint8Array([0x05]);
const DELEGATION_PREFIX = hexToBytes("0xef0100");
const NONCE_LIMIT = 2n ** 64n - 1n;
/** PER_EMPTY_ACCOUNT_COST less PER_AUTH_BASE_COST: given back where the authority exists. */
const EXISTING_ACCOUNT_REFUND = 12_500;

/** Who signed an authorization; undefined when its signature is not valid. */
export function authorityOf({ chainId, address, nonce, yParity, r, s }: Authorization): Hex | undefined {
  const payload = encodeRlp([bigIntToBytes(chainId), hexToBytes(address), bigIntToBytes(nonce)]);
  const digest = keccak256(concatBytes(MAGIC, payload));
  try {
    const rs = [bigIntToFixedBytes(r, 32), bigIntToFixedBytes(s, 32)];
    return recoverAddress(digest, concatBytes(...rs, new Uint8Array([yParity])));
  } catch {
    return undefined;
  }
}

function mayDelegate(world: World, account: AccountState, nonce: bigint): boolean {
  if (account.nonce !== nonce) return false;
  return account.codeHash === EMPTY_CODE_HASH || isDelegation(world.code(account).bytes);
}

function delegationTo(address: Hex): Code {
  if (address === ZERO_ADDRESS) return NO_CODE;
  const designator = concatBytes(DELEGATION_PREFIX, hexToBytes(address));
  return new Code(keccak256Hex(designator), designator);
}

/**
 * Delegates the account of whoever signed the authorization, when it is valid; passes it over otherwise.
 * @returns gas to refund
 */
export function applyAuthorization(world: World, authorization: Authorization, chainId: Word): number {
  const { chainId: signedFor, nonce, address } = authorization;
  if ((signedFor !== 0n && signedFor !== big(chainId)) || nonce >= NONCE_LIMIT) return 0;
  const authority = authorityOf(authorization);
  if (authority === undefined) return 0;
  const account = world.account(authority);
  world.warm(account);
  if (!mayDelegate(world, account, nonce)) return 0;
  const refund = account.exists ? EXISTING_ACCOUNT_REFUND : 0;
  world.setCode(account, delegationTo(address));
  world.setNonce(account, nonce + 1n);
  return refund;
}
