/** Makes a case by which two engines differ as small as it goes, and writes it down. */

import { bytesToHex, type Hex } from "../base/bytes.ts";
import type { Transaction } from "../chain/types.ts";
import type { FuzzCase } from "./fuzz-cases.test-support.ts";
import { opcodeName } from "./opcodes.ts";

const JUMPDEST = 0x5b;
const PUSH1 = 0x60;
const PUSH32 = 0x7f;
const TRIES_MAX = 1_500;

interface Instruction {
  readonly at: number;
  readonly size: number;
}

function instructionsOf(code: Uint8Array): Instruction[] {
  const found: Instruction[] = [];
  for (let at = 0; at < code.length; ) {
    const op = code[at] as number;
    const size = op >= PUSH1 && op <= PUSH32 ? op - PUSH1 + 2 : 1;
    found.push({ at, size });
    at += size;
  }
  return found;
}

/** With instructions that do nothing in place of some, so that every jump goes where it went. */
function blanked(code: Uint8Array, instructions: readonly Instruction[]): Uint8Array {
  const copy = code.slice();
  for (const { at, size } of instructions) copy.fill(JUMPDEST, at, Math.min(at + size, code.length));
  return copy;
}

/** Smaller codes to try, those that leave most out first. */
function* smallerCodes(code: Uint8Array): Generator<Uint8Array> {
  const whole = instructionsOf(code).filter(({ at }) => code[at] !== JUMPDEST);
  for (let length = whole.length; length >= 1; length = Math.floor(length / 2)) {
    for (let from = 0; from < whole.length; from += length) yield blanked(code, whole.slice(from, from + length));
  }
  const end = code.findLastIndex((op) => op !== JUMPDEST) + 1;
  if (end < code.length) yield code.subarray(0, end);
}

/** Those after it have the nonces that are left to them then. */
function without(transactions: readonly Transaction[], at: number): Transaction[] {
  const sender = transactions[at]?.sender;
  return transactions.toSpliced(at, 1).map((each, index) => {
    return index >= at && each.sender === sender && each.nonce > 0n ? { ...each, nonce: each.nonce - 1n } : each;
  });
}

function* smallerCases(each: FuzzCase): Generator<FuzzCase> {
  const { accounts, transactions } = each;
  for (const [at] of transactions.entries()) yield { ...each, transactions: without(transactions, at) };
  for (const [address, account] of accounts) {
    yield { ...each, accounts: new Map([...accounts].filter(([other]) => other !== address)) };
    if (account.storage.size > 0)
      yield { ...each, accounts: new Map([...accounts, [address, { ...account, storage: new Map() }]]) };
    for (const code of smallerCodes(account.code)) {
      yield { ...each, accounts: new Map([...accounts, [address, { ...account, code }]]) };
    }
  }
  for (const [at, transaction] of transactions.entries()) {
    if (transaction.accessList.length > 0)
      yield { ...each, transactions: transactions.with(at, { ...transaction, accessList: [] }) };
    for (const data of smallerCodes(transaction.data)) {
      yield { ...each, transactions: transactions.with(at, { ...transaction, data }) };
    }
  }
}

async function firstThatDiffers(
  each: FuzzCase,
  differs: Differs,
  left: { tries: number },
): Promise<FuzzCase | undefined> {
  for (const smaller of smallerCases(each)) {
    if (left.tries-- <= 0) return undefined;
    if (await differs(smaller)) return smaller;
  }
  return undefined;
}

type Differs = (each: FuzzCase) => Promise<boolean>;

/** The smallest case that is found in so many tries. */
export async function minimize(each: FuzzCase, differs: Differs, tries = TRIES_MAX): Promise<FuzzCase> {
  const left = { tries };
  let smallest = each;
  for (;;) {
    const smaller = await firstThatDiffers(smallest, differs, left);
    if (smaller === undefined) return smallest;
    smallest = smaller;
  }
}

/** Mnemonics with the offsets they are at; what does nothing is left out. */
function disassemble(code: Uint8Array): string {
  const shown = instructionsOf(code)
    .filter(({ at }) => code[at] !== JUMPDEST)
    .map(({ at, size }) => {
      const immediate = size > 1 ? ` ${bytesToHex(code.subarray(at + 1, at + size))}` : "";
      return `${at}: ${opcodeName(code[at] as number)}${immediate}`;
    });
  return shown.join(", ");
}

/** All that there is to a case, a line each. */
export function describeCase({ fork, context, accounts, transactions }: FuzzCase): string[] {
  const accountLines = [...accounts].map(([address, { nonce, balance, code, storage }]) => {
    const slots = [...storage].map(([slot, value]) => `${BigInt(slot)}=${value}`).join(" ");
    return `account ${address}: nonce ${nonce}, balance ${balance}, storage [${slots}], code ${bytesToHex(code)} [${disassemble(code)}]`;
  });
  const transactionLines = transactions.map((each) => {
    const { type, sender, to, nonce, gasLimit, value, maxFeePerGas, maxPriorityFeePerGas, data } = each;
    const lists = [each.accessList, each.authorizationList].map((list) =>
      JSON.stringify(list, (_, it) => (typeof it === "bigint" ? String(it) : it)),
    );
    return (
      `transaction of type ${type} from ${sender} to ${to ?? ("none" as Hex | "none")}: nonce ${nonce}, gas limit ${gasLimit}, value ${value}, ` +
      `fees ${maxFeePerGas} ${maxPriorityFeePerGas}, lists ${lists.join(" ")}, data ${bytesToHex(data)}`
    );
  });
  return [`${fork}, base fee ${context.baseFeePerGas}`, ...accountLines, ...transactionLines];
}
