/** A new network: its genesis, and how each of its nodes is started. */

import { isCodedError } from "@counterpart/core/base/errors";
import { PREDEPLOYED } from "@counterpart/core/chain/genesis";
import { checksumAddress, parseAddress } from "@counterpart/core/crypto/crypto";
import { invalidConfig } from "./invalid-config.ts";

export interface NetworkPlan {
  readonly chainId: number;
  /** Each once. */
  readonly signers: readonly string[];
  readonly funded: ReadonlyMap<string, bigint>;
  readonly gasLimit: number;
  /** Seconds since 1970. */
  readonly timestamp: number;
}

/** Lower case. @throws CodedError `INVALID_CONFIG`, also for a wrong checksum */
export function accountOf(word: string, what: string): string {
  try {
    return parseAddress(word);
  } catch (error) {
    throw invalidConfig(`${what} ${word}: ${isCodedError(error) ? error.message : "no address"}`);
  }
}

const UNITS = { wei: 0, gwei: 9, ether: 18 } as const;

/** `1000`, `0x3e8`, `1e18`, `1.5ether`, exact. @throws CodedError `INVALID_CONFIG` */
export function parseFunds(text: string): bigint {
  const [, digits, zeros] = /^(\d{1,78})e(\d{1,2})$/.exec(text) ?? [];
  if (digits !== undefined) return BigInt(digits) * 10n ** BigInt(zeros as string);
  if (/^0x[0-9a-fA-F]{1,64}$/.test(text)) return BigInt(text);
  const [, whole = "", fraction = "", unit = "wei"] = /^(\d{1,78})(?:\.(\d{1,18}))?(wei|gwei|ether)?$/.exec(text) ?? [];
  const decimals = UNITS[unit as keyof typeof UNITS];
  if (whole === "" || fraction.length > decimals) {
    throw invalidConfig(`${JSON.stringify(text)} is no amount such as 1000, 0x3e8, 1e18 or 1.5ether`);
  }
  return BigInt(`${whole}${fraction.padEnd(decimals, "0")}`);
}

/** `0x…=1000ether` of each. @throws CodedError `INVALID_CONFIG` */
export function parseFunded(words: readonly string[]): ReadonlyMap<string, bigint> {
  const funded = new Map<string, bigint>();
  for (const word of words) {
    const [, address = "", amount = ""] = /^([^=]+)=(.+)$/.exec(word) ?? [];
    if (address === "") throw invalidConfig(`--fund ${word} is not of the form 0x…=1000ether`);
    const account = accountOf(address, "--fund");
    if (funded.has(account)) throw invalidConfig(`--fund names ${address} twice`);
    const balance = parseFunds(amount);
    if (balance === 0n) throw invalidConfig(`--fund ${word}: an account without balance is left out`);
    funded.set(account, balance);
  }
  return funded;
}

/** With its checksum. */
export const shownAccount = (address: string): string => checksumAddress(address as `0x${string}`);

/**
 * The text of a genesis file. The contracts that others expect are in it: where nobody has ether, nobody could deploy
 * them later.
 */
export function genesisText({ chainId, signers, funded, gasLimit, timestamp }: NetworkPlan): string {
  const accounts = new Map<string, object>(PREDEPLOYED.map(([address, code]) => [address, { nonce: 1, code }]));
  for (const [address, balance] of funded)
    accounts.set(address, { balance: balance.toString(), ...accounts.get(address) });
  const alloc = Object.fromEntries([...accounts].map(([address, account]) => [shownAccount(address), account]));
  const genesis = { chainId, consensus: "poa", signers, timestamp, gasLimit, alloc };
  return `${JSON.stringify(genesis, null, 2)}\n`;
}

export interface PlannedNode {
  readonly dataDir: string;
  readonly account: string;
  readonly apiPort: number;
  readonly p2pPort: number;
}

/** A word of a shell's command line, quoted where it must be. */
const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/** How the program is called here: in a checkout it is on no path, and npx finds it. */
export const programWords = (environment: Readonly<Record<string, string | undefined>>): string =>
  environment.npm_lifecycle_event === "npx" ? "npx counterpart" : "counterpart";

/** Each node dials the ones before it. */
export function startCommand(program: string, nodes: readonly PlannedNode[], at: number): string {
  const { dataDir, apiPort, p2pPort } = nodes[at] as PlannedNode;
  const peers = nodes.slice(0, at).map((node) => ` --peer 127.0.0.1:${node.p2pPort}`);
  const own = `--data-dir ${quoted(dataDir)} --api-port ${apiPort} --p2p-port ${p2pPort}`;
  return `${program} start ${own}${peers.join("")}`;
}
