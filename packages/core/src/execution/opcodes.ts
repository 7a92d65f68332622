/** Which opcodes a fork has, what each costs at least, and how many words it takes from the stack and leaves there. */

import { type Fork, isAtLeast } from "./fork.ts";

export const STACK_MAX = 1_024;
/** Byte that is set aside to be no opcode (EIP-141). */
const INVALID = 0xfe;

interface Opcode {
  readonly code: number;
  readonly name: string;
  readonly takes: number;
  readonly leaves: number;
  /** Price by the fork since which it holds, oldest first; the first fork is the opcode's own. */
  readonly prices: readonly (readonly [Fork, number])[];
}

type Row = readonly [code: number, name: string, takes: number, leaves: number, price: number, since?: Fork];

/** Price of what is done once, or 0 where the price depends on more than the fork. */
const ROWS: readonly Row[] = [
  [0x00, "STOP", 0, 0, 0],
  [0x01, "ADD", 2, 1, 3],
  [0x02, "MUL", 2, 1, 5],
  [0x03, "SUB", 2, 1, 3],
  [0x04, "DIV", 2, 1, 5],
  [0x05, "SDIV", 2, 1, 5],
  [0x06, "MOD", 2, 1, 5],
  [0x07, "SMOD", 2, 1, 5],
  [0x08, "ADDMOD", 3, 1, 8],
  [0x09, "MULMOD", 3, 1, 8],
  [0x0a, "EXP", 2, 1, 10],
  [0x0b, "SIGNEXTEND", 2, 1, 5],
  [0x10, "LT", 2, 1, 3],
  [0x11, "GT", 2, 1, 3],
  [0x12, "SLT", 2, 1, 3],
  [0x13, "SGT", 2, 1, 3],
  [0x14, "EQ", 2, 1, 3],
  [0x15, "ISZERO", 1, 1, 3],
  [0x16, "AND", 2, 1, 3],
  [0x17, "OR", 2, 1, 3],
  [0x18, "XOR", 2, 1, 3],
  [0x19, "NOT", 1, 1, 3],
  [0x1a, "BYTE", 2, 1, 3],
  [0x1b, "SHL", 2, 1, 3, "constantinople"],
  [0x1c, "SHR", 2, 1, 3, "constantinople"],
  [0x1d, "SAR", 2, 1, 3, "constantinople"],
  [0x1e, "CLZ", 1, 1, 5, "osaka"],
  [0x20, "KECCAK256", 2, 1, 30],
  [0x30, "ADDRESS", 0, 1, 2],
  [0x31, "BALANCE", 1, 1, 20],
  [0x32, "ORIGIN", 0, 1, 2],
  [0x33, "CALLER", 0, 1, 2],
  [0x34, "CALLVALUE", 0, 1, 2],
  [0x35, "CALLDATALOAD", 1, 1, 3],
  [0x36, "CALLDATASIZE", 0, 1, 2],
  [0x37, "CALLDATACOPY", 3, 0, 3],
  [0x38, "CODESIZE", 0, 1, 2],
  [0x39, "CODECOPY", 3, 0, 3],
  [0x3a, "GASPRICE", 0, 1, 2],
  [0x3b, "EXTCODESIZE", 1, 1, 20],
  [0x3c, "EXTCODECOPY", 4, 0, 20],
  [0x3d, "RETURNDATASIZE", 0, 1, 2, "byzantium"],
  [0x3e, "RETURNDATACOPY", 3, 0, 3, "byzantium"],
  [0x3f, "EXTCODEHASH", 1, 1, 400, "constantinople"],
  [0x40, "BLOCKHASH", 1, 1, 20],
  [0x41, "COINBASE", 0, 1, 2],
  [0x42, "TIMESTAMP", 0, 1, 2],
  [0x43, "NUMBER", 0, 1, 2],
  [0x44, "PREVRANDAO", 0, 1, 2],
  [0x45, "GASLIMIT", 0, 1, 2],
  [0x46, "CHAINID", 0, 1, 2, "istanbul"],
  [0x47, "SELFBALANCE", 0, 1, 5, "istanbul"],
  [0x48, "BASEFEE", 0, 1, 2, "london"],
  [0x49, "BLOBHASH", 1, 1, 3, "cancun"],
  [0x4a, "BLOBBASEFEE", 0, 1, 2, "cancun"],
  [0x50, "POP", 1, 0, 2],
  [0x51, "MLOAD", 1, 1, 3],
  [0x52, "MSTORE", 2, 0, 3],
  [0x53, "MSTORE8", 2, 0, 3],
  [0x54, "SLOAD", 1, 1, 50],
  [0x55, "SSTORE", 2, 0, 0],
  [0x56, "JUMP", 1, 0, 8],
  [0x57, "JUMPI", 2, 0, 10],
  [0x58, "PC", 0, 1, 2],
  [0x59, "MSIZE", 0, 1, 2],
  [0x5a, "GAS", 0, 1, 2],
  [0x5b, "JUMPDEST", 0, 0, 1],
  [0x5c, "TLOAD", 1, 1, 100, "cancun"],
  [0x5d, "TSTORE", 2, 0, 100, "cancun"],
  [0x5e, "MCOPY", 3, 0, 3, "cancun"],
  [0x5f, "PUSH0", 0, 1, 2, "shanghai"],
  [0xf0, "CREATE", 3, 1, 32_000],
  [0xf1, "CALL", 7, 1, 0],
  [0xf2, "CALLCODE", 7, 1, 0],
  [0xf3, "RETURN", 2, 0, 0],
  [0xf4, "DELEGATECALL", 6, 1, 0, "homestead"],
  [0xf5, "CREATE2", 4, 1, 32_000, "constantinople"],
  [0xfa, "STATICCALL", 6, 1, 0, "byzantium"],
  [0xfd, "REVERT", 2, 0, 0, "byzantium"],
  [0xff, "SELFDESTRUCT", 1, 0, 0],
];

/** Prices that a later fork changed. From Berlin on an access is priced by whether it is the first (EIP-2929). */
const REPRICED: Readonly<Record<string, readonly (readonly [Fork, number])[]>> = {
  BALANCE: [
    ["tangerine", 400],
    ["istanbul", 700],
    ["berlin", 0],
  ],
  EXTCODESIZE: [
    ["tangerine", 700],
    ["berlin", 0],
  ],
  EXTCODECOPY: [
    ["tangerine", 700],
    ["berlin", 0],
  ],
  EXTCODEHASH: [
    ["istanbul", 700],
    ["berlin", 0],
  ],
  SLOAD: [
    ["tangerine", 200],
    ["istanbul", 800],
    ["berlin", 0],
  ],
};

const LOG_PRICE = 375;

const numbered = (first: number, last: number, row: (index: number) => Row): Row[] =>
  Array.from({ length: last - first + 1 }, (_, index) => row(index));

const ALL_ROWS: readonly Row[] = [
  ...ROWS,
  ...numbered(0x60, 0x7f, (at): Row => [0x60 + at, `PUSH${at + 1}`, 0, 1, 3]),
  ...numbered(0x80, 0x8f, (at): Row => [0x80 + at, `DUP${at + 1}`, at + 1, at + 2, 3]),
  ...numbered(0x90, 0x9f, (at): Row => [0x90 + at, `SWAP${at + 1}`, at + 2, at + 2, 3]),
  ...numbered(0xa0, 0xa4, (at): Row => [0xa0 + at, `LOG${at}`, at + 2, 0, LOG_PRICE * (at + 1)]),
];

const OPCODES: readonly Opcode[] = ALL_ROWS.map(([code, name, takes, leaves, price, since = "frontier"]) => ({
  code,
  name,
  takes,
  leaves,
  prices: [[since, price], ...(REPRICED[name] ?? [])],
}));

const NAMES: ReadonlyMap<number, string> = new Map(OPCODES.map(({ code, name }) => [code, name]));

/** Name of an opcode, whatever the fork, and of what is none in the words of go-ethereum. */
export const opcodeName = (code: number): string =>
  NAMES.get(code) ?? (code === INVALID ? "INVALID" : `opcode 0x${code.toString(16)} not defined`);

/** Words that an opcode takes from the stack and leaves there; none for what is no opcode. */
export function opcodeStack(code: number): { readonly takes: number; readonly leaves: number } {
  return OPCODES.find((opcode) => opcode.code === code) ?? { takes: 0, leaves: 0 };
}

/** Arrays by opcode, as the loop reads them. */
export interface OpcodeTable {
  readonly prices: Uint16Array;
  /** Words that must be on the stack; above `STACK_MAX` for what is no opcode of the fork. */
  readonly stackMin: Uint16Array;
  /** Words that may be on the stack at most. */
  readonly stackMax: Uint16Array;
}

export const NOT_AN_OPCODE = 0xffff;

export function opcodeTable(fork: Fork): OpcodeTable {
  const prices = new Uint16Array(256);
  const stackMin = new Uint16Array(256).fill(NOT_AN_OPCODE);
  const stackMax = new Uint16Array(256);
  for (const { code, takes, leaves, prices: steps } of OPCODES) {
    const held = steps.filter(([since]) => isAtLeast(fork, since));
    const price = held.at(-1)?.[1];
    if (price === undefined || !isAtLeast(fork, (steps[0] as readonly [Fork, number])[0])) continue;
    prices[code] = price;
    stackMin[code] = takes;
    stackMax[code] = STACK_MAX - Math.max(leaves - takes, 0);
  }
  return { prices, stackMin, stackMax };
}
