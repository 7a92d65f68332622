/** The opcodes that the interpreter's loop leaves to functions, by their number. */

import {
  addModulo,
  byteAt,
  divideSigned,
  leadingZeros,
  moduloSigned,
  multiplyModulo,
  shiftRightSigned,
} from "../arithmetic.ts";
import type { Frame } from "../frame.ts";
import { type Control, INVALID_OPCODE } from "../halts.ts";
import type { Machine } from "../machine.ts";
import { isLessSigned, normal } from "../word.ts";
import { binary, exponentiate, signExtension, ternary, unary } from "./arithmetic.ts";
import { call, callCode, create, create2, delegateCall, destroy, giveBack, revert, staticCall, stop } from "./calls.ts";
import { balance, blobHash, blockHash, codeHash, codeSize, showing } from "./environment.ts";
import { copyAccountCode, copyCalldata, copyCode, copyMemory, copyReturnData, hash, storeByte } from "./memory.ts";
import { load, loadTransient, log, store, storeTransient } from "./storage.ts";

export type Handler = (m: Machine, f: Frame) => Control;

const invalid: Handler = () => INVALID_OPCODE;

const BY_NUMBER: ReadonlyMap<number, Handler> = new Map<number, Handler>([
  [0x00, stop],
  [0x05, binary(divideSigned)],
  [0x07, binary(moduloSigned)],
  [0x08, ternary(addModulo)],
  [0x09, ternary(multiplyModulo)],
  [0x0a, exponentiate],
  [0x0b, signExtension],
  [0x12, binary((a, b) => (isLessSigned(a, b) ? 1 : 0))],
  [0x13, binary((a, b) => (isLessSigned(b, a) ? 1 : 0))],
  [0x1a, binary(byteAt)],
  [0x1d, binary(shiftRightSigned)],
  [0x1e, unary(leadingZeros)],
  [0x20, hash],
  [0x30, showing((_m, f) => f.account.word)],
  [0x31, balance],
  [0x32, showing((m) => m.origin)],
  [0x37, copyCalldata],
  [0x38, showing((_m, f) => f.code.bytes.length)],
  [0x39, copyCode],
  [0x3a, showing((m) => m.gasPrice)],
  [0x3b, codeSize],
  [0x3c, copyAccountCode],
  [0x3e, copyReturnData],
  [0x3f, codeHash],
  [0x40, blockHash],
  [0x41, showing((m) => m.block.coinbase)],
  [0x42, showing((m) => m.block.timestamp)],
  [0x43, showing((m) => m.block.number)],
  [0x44, showing((m) => m.block.randao)],
  [0x45, showing((m) => m.block.gasLimit)],
  [0x46, showing((m) => m.block.chainId)],
  [0x47, showing((_m, f) => normal(f.account.balance))],
  [0x48, showing((m) => m.block.baseFee)],
  [0x49, blobHash],
  [0x4a, showing((m) => m.block.blobBaseFee)],
  [0x53, storeByte],
  [0x54, load],
  [0x55, store],
  [0x58, showing((_m, f) => f.pc - 1)],
  [0x59, showing((_m, f) => f.memorySize)],
  [0x5a, showing((_m, f) => f.gasWord)],
  [0x5c, loadTransient],
  [0x5d, storeTransient],
  [0x5e, copyMemory],
  [0xa0, log(0)],
  [0xa1, log(1)],
  [0xa2, log(2)],
  [0xa3, log(3)],
  [0xa4, log(4)],
  [0xf0, create],
  [0xf1, call],
  [0xf2, callCode],
  [0xf3, giveBack],
  [0xf4, delegateCall],
  [0xf5, create2],
  [0xfa, staticCall],
  [0xfd, revert],
  [0xff, destroy],
]);

export const HANDLERS: readonly Handler[] = Array.from({ length: 256 }, (_, code) => BY_NUMBER.get(code) ?? invalid);
