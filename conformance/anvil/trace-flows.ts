/** Transactions whose traces this node and Anvil are asked for, one after the other, each in a block of its own. */

import { readFileSync } from "node:fs";
import { concatBytes, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { createAddress } from "@counterpart/core/chain/address";
import type { UnsignedTransaction } from "@counterpart/core/chain/transaction-fields";
import type { Transaction } from "@counterpart/core/chain/types";
import { type Abi, encodeDeployData, encodeFunctionData } from "viem";
import {
  assemble,
  DESTROY,
  FACTORY,
  FACTORY2,
  FORWARD,
  initcode,
  LOGGER,
  STORE,
  words,
} from "../../packages/core/src/execution/fixtures.test-support.ts";
import { accountOf, keyOf, transactionOf } from "../../packages/node/src/engine/engine.test-support.ts";
import { authorization, PROBE } from "./parts.ts";

const TEMPLATE = new URL("../../packages/node/src/contracts/templates/token.json", import.meta.url);

export interface Flow {
  readonly name: string;
  readonly transaction: Transaction;
}

const SENDER = 1;
const RECIPIENT = accountOf(3);
/** Signs the authorization. */
const AUTHORITY = { key: keyOf(5), address: accountOf(5) };

/** Runs the code of another account on its own storage, and gives back what that gives back, be it a revert. */
const proxyOf = (implementation: Hex): Uint8Array =>
  assemble(`CALLDATASIZE PUSH0 PUSH0 CALLDATACOPY PUSH0 PUSH0 CALLDATASIZE PUSH0 PUSH20 ${implementation} GAS 0xf4
    0x3d PUSH0 PUSH0 0x3e PUSH1 0x29 JUMPI 0x3d PUSH0 REVERT JUMPDEST 0x3d PUSH0 RETURN`);

/** Sends a wei that it does not have, and stores whether that worked. */
const POOR = assemble("PUSH0 PUSH0 PUSH0 PUSH0 PUSH1 0x01 CALLER GAS CALL ISZERO PUSH0 SSTORE STOP");
const ENDLESS = assemble("JUMPDEST PUSH0 JUMP");
/** Calls itself until depth or gas end. */
const RECURSIVE = assemble("PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 ADDRESS GAS CALL POP STOP");
/** Looks at accounts without calling them. */
const LOOKER = assemble(`PUSH0 CALLDATALOAD BALANCE POP PUSH1 0x20 CALLDATALOAD EXTCODESIZE POP
  PUSH0 CALLDATALOAD EXTCODEHASH POP PUSH1 0x05 SLOAD POP STOP`);

interface Token {
  readonly abi: Abi;
  readonly bytecode: Hex;
}

const readToken = (): Token => JSON.parse(readFileSync(TEMPLATE, "utf8")) as Token;

/** Makes transactions of one account in the order of their nonces. */
class Script {
  readonly flows: Flow[] = [];
  #nonce = 0;

  /** @returns the address that a creation has */
  add(name: string, fields: Partial<UnsignedTransaction>): Hex {
    const nonce = this.#nonce++;
    const creates = "to" in fields && fields.to === undefined;
    const all = { gasLimit: 1_000_000n, value: 0n, ...fields } as Partial<UnsignedTransaction>;
    this.flows.push({ name, transaction: transactionOf(SENDER, nonce, all) });
    return creates ? createAddress(accountOf(SENDER), BigInt(nonce)) : (fields.to ?? RECIPIENT);
  }

  deploy(name: string, runtime: Uint8Array, value = 0n): Hex {
    return this.add(`deploy ${name}`, { to: undefined, data: initcode(runtime), value } as never);
  }

  call(name: string, to: Hex, data: Uint8Array = new Uint8Array(0), more: Partial<UnsignedTransaction> = {}): void {
    this.add(name, { to, data, ...more });
  }
}

function addToken(script: Script): void {
  const { abi, bytecode } = readToken();
  const args = ["Token", "TKN", 18, 1_000_000n, 1_000n, accountOf(SENDER)];
  const inputs = abi.find((item) => item.type === "constructor")?.inputs ?? [];
  const data = hexToBytes(encodeDeployData({ abi, bytecode, args: args.slice(0, inputs.length) }));
  const token = script.add("deploy an ERC-20", { to: undefined, data, gasLimit: 6_000_000n } as never);
  const call = (functionName: string, ...values: unknown[]): Uint8Array =>
    hexToBytes(encodeFunctionData({ abi, functionName, args: values }));
  script.call("transfer tokens", token, call("transfer", RECIPIENT, 10n));
  script.call("transfer more tokens than there are", token, call("transfer", RECIPIENT, 10n ** 9n));
  script.call("approve", token, call("approve", RECIPIENT, 5n));
  script.call("read in a transaction", token, call("balanceOf", RECIPIENT));
}

function addCreations(script: Script): void {
  const factory = script.deploy("a factory", FACTORY);
  const factory2 = script.deploy("a factory by salt", FACTORY2);
  script.call("create a contract in a contract", factory, initcode(STORE));
  // The constructor is the factory's code, which creates what follows it in its own memory: nothing.
  script.call("create a contract whose constructor creates one", factory, initcode(STORE, FACTORY.slice(0, -1)));
  script.call("create by salt, with value", factory2, initcode(LOGGER), { value: 3n });
  script.call("create by the same salt again", factory2, initcode(LOGGER));
  script.call("create what reverts", factory, assemble("PUSH1 0x2a PUSH0 MSTORE PUSH1 0x20 PUSH0 REVERT"));
  script.call("create what destroys itself", factory, assemble("CALLER SELFDESTRUCT"), { value: 4n });
  script.call(
    "create code that begins with 0xef",
    factory,
    assemble("PUSH1 0xef PUSH0 MSTORE PUSH1 0x01 PUSH1 0x1f RETURN"),
  );
  script.add("a creation that reverts", { to: undefined, data: assemble("PUSH0 PUSH0 REVERT") } as never);
  script.add("a creation that halts", { to: undefined, data: assemble("INVALID"), gasLimit: 100_000n } as never);
}

function addCalls(script: Script): void {
  const store = script.deploy("a store", STORE);
  const logger = script.deploy("a logger", LOGGER);
  const forward = script.deploy("a forwarder", FORWARD);
  const proxy = script.deploy("a proxy of the store", proxyOf(store));
  const logging = script.deploy("a proxy of the logger", proxyOf(logger));
  const outer = script.deploy("a proxy of the proxy", proxyOf(proxy));
  script.call("store", store, words(1n, 7n, 0n));
  script.call("store and revert", store, words(1n, 8n, 9n));
  script.call("store by a proxy", proxy, words(2n, 7n, 0n));
  script.call("store by a proxy of a proxy", outer, words(2n, 7n, 0n));
  script.call("revert in a proxy of a proxy", outer, words(2n, 8n, 9n));
  script.call("log by a proxy", logging, words(1n, 2n, 3n));
  script.call("forward to a proxy that logs", forward, concatBytes(words(logging), words(1n, 2n, 3n)));
  script.call("forward what reverts", forward, concatBytes(words(outer), words(3n, 8n, 9n)));
  script.call("forward ether", forward, words(RECIPIENT), { value: 5n });
  script.call("forward ether to nobody yet", forward, words(`0x${"4e".repeat(20)}`), { value: 5n });
  const silenced = script.deploy(
    "what logs and reverts",
    concatBytes(LOGGER.slice(0, -1), assemble("PUSH0 PUSH0 REVERT")),
  );
  script.call("forward what logs and reverts", forward, concatBytes(words(silenced), words(1n, 2n, 3n)));
  script.call("send what is not there", script.deploy("a poor contract", POOR));
  script.call("look at accounts", script.deploy("a looker", LOOKER), words(RECIPIENT, store));
  script.call("call a precompile", script.deploy("a probe", PROBE), concatBytes(words(4n, 100_000n), words(5n)));
}

function addEnds(script: Script): void {
  const destroy = script.deploy("what destroys itself", DESTROY, 9n);
  const endless = script.deploy("an endless loop", ENDLESS);
  const forward = script.deploy("another forwarder", FORWARD);
  script.call("destroy a contract with a balance", destroy);
  script.call("destroy it again by another contract", forward, words(destroy));
  script.call("run out of gas", endless, undefined, { gasLimit: 60_000n });
  script.call("run out of gas below", forward, words(endless), { gasLimit: 90_000n });
  script.call("an invalid opcode", script.deploy("an invalid opcode", assemble("PUSH0 INVALID")));
  script.call("a stack underflow", script.deploy("a stack underflow", assemble("PUSH0 ADD")));
  script.call("a jump to nowhere", script.deploy("a bad jump", assemble("PUSH0 JUMP")));
  script.call("recursion until the gas ends", script.deploy("a recursion", RECURSIVE), undefined, {
    gasLimit: 200_000n,
  });
}

function addTypes(script: Script): void {
  const store = script.deploy("a store of types", STORE);
  script.call("a transfer", RECIPIENT, undefined, { value: 1n, gasLimit: 21_000n });
  script.call("a legacy transfer", RECIPIENT, undefined, { type: 0, value: 1n });
  const accessList = [{ address: store, storageKeys: [`0x${"00".repeat(32)}` as Hex] }];
  script.call("an access list", store, words(0n, 1n, 0n), { type: 1, accessList });
  const chainId = script.flows[0]?.transaction.chainId ?? 0n;
  const authorizationList = [authorization(AUTHORITY, store, { chainId })];
  script.call("a delegation, and a call by it", AUTHORITY.address, words(3n, 4n, 0n), { type: 4, authorizationList });
  script.call("a call of what is delegated", AUTHORITY.address, words(3n, 0n, 0n));
}

export function traceFlows(): readonly Flow[] {
  const script = new Script();
  for (const add of [addToken, addCreations, addCalls, addEnds, addTypes]) add(script);
  return script.flows;
}
