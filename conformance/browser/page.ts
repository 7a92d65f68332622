/** The program of the page: core's verification, asked for by name, with JSON in and out. */

import { bytesToBigInt, bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { isCodedError } from "@counterpart/core/base/errors";
import { verifyAnswer } from "@counterpart/core/verify/answer";
import { type VerifiedHeader, verifyHeader } from "@counterpart/core/verify/header";
import {
  type ProvenAccount,
  type StateQuery,
  verifyAccountRange,
  verifyCode,
  verifySlotRange,
  verifyState,
} from "@counterpart/core/verify/state-proof";

export interface Row {
  readonly key: Hex;
  readonly value: Hex;
}

export interface Range {
  readonly root: Hex;
  readonly start: Hex;
  readonly rows: readonly Row[];
  readonly proof: readonly Hex[];
}

/** What the page can be asked to check, and with what. */
export interface Questions {
  readonly header: { readonly header: Hex; readonly signers: readonly Hex[] };
  readonly state: { readonly root: Hex; readonly query: StateQuery; readonly proof: readonly Hex[] };
  readonly answer: { readonly answer: unknown; readonly query: StateQuery; readonly signers: readonly Hex[] };
  readonly fetched: { readonly url: string; readonly query: StateQuery; readonly signers: readonly Hex[] };
  readonly code: { readonly codeHash: Hex; readonly code: Hex };
  readonly accounts: Range;
  readonly slots: Range;
}

/** `proven`: what a check gave, as JSON has it. `code`: of the error that it ended with. */
export type Outcome = { readonly proven: unknown } | { readonly code: string };

const rowsOf = ({ rows }: Range) => rows.map(({ key, value }) => ({ key: hexToBytes(key), value: hexToBytes(value) }));

const showHeader = ({ header, certified }: VerifiedHeader) => ({
  ...{ certified, hash: header.hash, number: header.number, stateRoot: header.stateRoot },
});

const showAccount = ({ account, slots }: ProvenAccount) => ({
  account: account === undefined ? null : { ...account, nonce: `${account.nonce}`, balance: `${account.balance}` },
  slots: slots.map(String),
});

async function getJson(url: string): Promise<unknown> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response.json();
}

const checks: { readonly [Name in keyof Questions]: (question: Questions[Name]) => unknown } = {
  header: ({ header, signers }) => showHeader(verifyHeader(hexToBytes(header), { signers })),
  state: ({ root, query, proof }) => verifyState(root, [query], proof.map(hexToBytes)).map(showAccount)[0],
  answer({ answer, query, signers }) {
    const verified = verifyAnswer(answer, query, { signers });
    return { ...showHeader(verified), ...showAccount(verified) };
  },
  fetched: async ({ url, ...question }) => checks.answer({ answer: await getJson(url), ...question }),
  code({ codeHash, code }) {
    verifyCode(codeHash, hexToBytes(code));
    return true;
  },
  accounts(range) {
    const { root, start, proof } = range;
    const { accounts, more } = verifyAccountRange(root, hexToBytes(start), rowsOf(range), proof.map(hexToBytes));
    return { more, balances: accounts.map(({ account }) => `${account.balance}`) };
  },
  slots(range) {
    const { root, start, proof } = range;
    const more = verifySlotRange(root, hexToBytes(start), rowsOf(range), proof.map(hexToBytes));
    return { more, values: range.rows.map(({ value }) => `${bytesToBigInt(hexToBytes(value))}`) };
  },
};

/** Errors without a code are the program's own: they are thrown on. */
async function ask<Name extends keyof Questions>(name: Name, question: Questions[Name]): Promise<Outcome> {
  try {
    return { proven: await checks[name](question) };
  } catch (error) {
    if (!isCodedError(error)) throw error;
    return { code: error.code };
  }
}

/**
 * Asks as often as the bytes at `field`, hexadecimal text or a list of it, are many, each time with one bit of another
 * byte changed.
 * @returns how often which code was the outcome; `proven` for those that were let through
 */
async function askWithEachByteSpoilt<Name extends keyof Questions>(
  name: Name,
  question: Questions[Name],
  field: string & keyof Questions[Name],
): Promise<Record<string, number>> {
  const whole = question[field] as Hex | readonly Hex[];
  const parts = typeof whole === "string" ? [whole] : whole;
  const counts: Record<string, number> = {};
  for (const [at, part] of parts.entries()) {
    for (let byte = 0; byte < part.length / 2 - 1; byte++) {
      const bytes = hexToBytes(part);
      bytes[byte] = (bytes[byte] as number) ^ (1 << (byte % 8));
      const spoilt = bytesToHex(bytes);
      const value = typeof whole === "string" ? spoilt : parts.with(at, spoilt);
      const outcome = await ask(name, { ...question, [field]: value });
      const code = "code" in outcome ? outcome.code : "proven";
      counts[code] = (counts[code] ?? 0) + 1;
    }
  }
  return counts;
}

const page = { ask, askWithEachByteSpoilt };

/** What the page's global object has as `counterpart`. */
export type Page = typeof page;

Object.assign(globalThis, { counterpart: page });
