/** Clients of nodes that take state over: they choose contracts and give them up, and read what is held and what is not. */

import { bytesToBigInt, bytesToHex, type Hex } from "@counterpart/core/base/bytes";
import { isCodedError } from "@counterpart/core/base/errors";
import { encodeAccount } from "@counterpart/core/chain/account";
import { accountKey, storageKey } from "../packages/node/src/engine/rows.ts";
import type { Archive } from "./archive.ts";
import { Violation } from "./checks.ts";
import type { Dice } from "./dice.ts";
import { Crashed } from "./disk.ts";
import { word } from "./executor.ts";
import { accountOf, type Life, type SimNode } from "./node.ts";

export interface ReaderDeps {
  readonly nodes: readonly SimNode[];
  readonly dice: Dice;
  readonly archive: Archive;
  readonly count: (what: string) => void;
  /** Called with what no client should see. */
  readonly onFailure: (error: unknown) => void;
}

export interface Readers {
  /** One client does one thing. */
  step(): void;
}

/** A node that executes and knows the contracts that there are. */
export const executing = (nodes: readonly SimNode[]): readonly Life[] =>
  nodes.flatMap(({ role, life }) => (role === "full" && life !== undefined ? [life] : []));

export function createReaders({ nodes, dice, archive, count, onFailure }: ReaderDeps): Readers {
  const contracts = (): readonly Hex[] =>
    executing(nodes)
      .slice(0, 1)
      .flatMap(({ engine }) => engine.contracts(undefined, 1_000).map(({ address }) => address));
  const anyAddress = (): Hex => {
    const known = contracts();
    return known.length === 0 || dice.chance(0.2) ? accountOf(dice.pick(["alice", "nobody", "n0"])) : dice.pick(known);
  };
  /** A node that dies answers nothing. */
  const follow = (node: SimNode, life: Life, what: string, work: Promise<void>): void => {
    work
      .then(() => count(what))
      .catch((error: unknown) => {
        if (error instanceof Crashed || node.life !== life) return;
        if (isCodedError(error) && error.code !== "INVARIANT_BROKEN") count(`${what}: refused ${error.code}`);
        else onFailure(error);
      });
  };

  const hold = async ({ engine, driver }: Life): Promise<void> => {
    engine.holding.add(anyAddress());
    driver.takeOver();
  };
  const drop = async ({ engine }: Life): Promise<void> => {
    const chosen = engine.holding.chosen();
    if (chosen.length > 0) await engine.adoption.drop(dice.pick(chosen));
  };
  const read = async ({ name }: SimNode, { engine }: Life): Promise<void> => {
    const [address, slot] = [anyAddress(), word(BigInt(dice.below(6)))];
    const seen = await engine.read((snapshot) => {
      const account = snapshot.account(address);
      const value = account === undefined ? 0n : snapshot.storage(address, slot);
      return { head: snapshot.head.hash, account, value };
    });
    const rows = archive.at(seen.head);
    if (rows === undefined) return;
    const account = rows.get("accounts", accountKey(address));
    const value = rows.get("storage", storageKey(accountKey(address), slot)) ?? new Uint8Array(0);
    const shown = seen.account === undefined ? "none" : bytesToHex(encodeAccount(seen.account));
    if (shown === (account === undefined ? "none" : bytesToHex(account)) && seen.value === bytesToBigInt(value)) return;
    throw new Violation(`${name} reads of ${address} what is not the state of its head ${seen.head}`);
  };
  const act = (node: SimNode, life: Life): void => {
    if (node.role !== "chosen" || dice.chance(0.4)) follow(node, life, "read of a taker", read(node, life));
    else if (dice.chance(0.7)) follow(node, life, "contract chosen", hold(life));
    else follow(node, life, "contract given up", drop(life));
  };
  return {
    step() {
      const takers = nodes.filter(({ role, life }) => role !== "full" && life !== undefined);
      if (takers.length === 0) return;
      const node = dice.pick(takers);
      if (node.life !== undefined) act(node, node.life);
    },
  };
}
