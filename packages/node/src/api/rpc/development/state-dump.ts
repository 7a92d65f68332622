/**
 * States as Anvil dumps and loads them: JSON, compressed with gzip, as hexadecimal digits. Blocks and transactions, which
 * Anvil has in it as well, are another chain's: they are neither written nor read.
 */

import { promisify } from "node:util";
import { gunzipSync, gzip } from "node:zlib";
import { bytesToHex, bytesToUtf8, type Hex, utf8ToBytes } from "@counterpart/core/base/bytes";
import { BEACON_ROOTS_ADDRESS, HISTORY_ADDRESS } from "@counterpart/core/chain/system-contracts";
import type { AccountEdit, IrregularState } from "@counterpart/core/execution/irregular-state";
import type { Clock } from "@counterpart/core/ports/runtime";
import type { DevelopmentNode } from "../../../driver/development-node.ts";
import { SET_ITEMS_MAX } from "../../../engine/irregular.ts";
import type { Pause } from "../../../engine/pacer.ts";
import { type JsonValue, parseExactJson, toSafeJson } from "../../json.ts";
import type { RpcMethod } from "../dispatch.ts";
import { createDeadline, createSpend, createTurns } from "../execution-limits.ts";
import { quantity, word } from "../format.ts";
import {
  badValue,
  defineMethod,
  optional,
  readAddress,
  readAmount,
  readBoolean,
  readData,
  readNonce,
  readObject,
  readSlot,
  required,
} from "../params.ts";

const DUMPS_MAX = 1;
const DUMP_MS_MAX = 60_000;
/** Of the JSON, before it is compressed. */
const CHARACTERS_MAX = 16 * 1024 * 1024;
const JSON_LIMITS = { depthMax: 32, valuesMax: 250_000 };
/** What they store are hashes of the chain's own blocks. */
const OF_THE_CHAIN: ReadonlySet<Hex> = new Set([HISTORY_ADDRESS, BEACON_ROOTS_ADDRESS]);

async function dumpJson({ accounts, storage, codes }: IrregularState, pause: Pause): Promise<string> {
  const spend = createSpend(CHARACTERS_MAX);
  const entries: string[] = [];
  for (const [address, account] of accounts) {
    if (account === null || OF_THE_CHAIN.has(address)) continue;
    await pause();
    const code = bytesToHex(codes.get(account.codeHash) ?? new Uint8Array(0));
    const slots = [...(storage.get(address) ?? [])].map(([slot, value]) => `"${slot}":"${word(value)}"`);
    // By hand, because a nonce may be beyond what JavaScript's numbers hold.
    const fields = `"nonce":${account.nonce},"balance":"${quantity(account.balance)}","code":"${code}"`;
    const entry = `"${address}":{${fields},"storage":{${slots.join(",")}}}`;
    spend(entry.length);
    entries.push(entry);
  }
  const noChain = `"block":null,"best_block_number":null,"blocks":[],"transactions":[],"historical_states":null`;
  return `{"accounts":{${entries.join(",")}},${noChain}}`;
}

/** What cannot be set is not looked at any further. */
function requireFew(items: number): void {
  if (items > SET_ITEMS_MAX) throw badValue(`more than ${SET_ITEMS_MAX} accounts and slots`);
}

function readAccount(value: JsonValue): AccountEdit {
  const { nonce = null, balance = null, code = null, storage } = readObject(value);
  const slots = Object.entries(readObject(storage ?? {}));
  requireFew(slots.length);
  return {
    ...{ nonce: readNonce(nonce), balance: readAmount(balance), code: readData(code) },
    slots: new Map(slots.map(([slot, content]) => [readSlot(slot), BigInt(readSlot(content ?? null))])),
  };
}

function decompressed(bytes: Uint8Array): Uint8Array {
  const isCompressed = bytes[0] === 0x1f && bytes[1] === 0x8b;
  try {
    return isCompressed ? gunzipSync(bytes, { maxOutputLength: CHARACTERS_MAX }) : bytes;
  } catch (error) {
    throw badValue(`failed to decode state dump: ${(error as Error).message}`);
  }
}

function readDump(value: JsonValue): ReadonlyMap<Hex, AccountEdit> {
  const text = bytesToUtf8(decompressed(readData(value)));
  const { accounts = null } = readObject(toSafeJson(parseExactJson(text, JSON_LIMITS)));
  const entries = Object.entries(readObject(accounts));
  requireFew(entries.length);
  const edits = entries.map(([address, account]) => [readAddress(address), account ?? null] as const);
  const wanted = edits.filter(([address]) => !OF_THE_CHAIN.has(address));
  return new Map(wanted.map(([address, account]) => [address, readAccount(account)]));
}

export function dumpMethods(node: DevelopmentNode, clock: Clock): Record<string, RpcMethod> {
  const inTurn = createTurns(DUMPS_MAX, "dumps");
  return {
    // Whether states of earlier blocks are to be in it. They are not.
    anvil_dumpState: defineMethod([optional(readBoolean, false)], () =>
      inTurn(async () => {
        const pause = createDeadline(clock, DUMP_MS_MAX, `execution aborted (timeout = ${DUMP_MS_MAX / 1_000}s)`);
        const json = await dumpJson(await node.chain.wholeState(pause), pause);
        return bytesToHex(await promisify(gzip)(utf8ToBytes(json)));
      }),
    ),
    anvil_loadState: defineMethod([required(readDump)], async (accounts) => {
      node.leave("anvil_loadState");
      await node.chain.load(accounts);
      return true;
    }),
  };
}
