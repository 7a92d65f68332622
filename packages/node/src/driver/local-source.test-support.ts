/** A source of state that asks another engine of the same process, by the messages that peers send, and verifies. */

import type { Hex } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import type { SealedHeader } from "@counterpart/core/chain/types";
import { OWN_LIMITS } from "@counterpart/core/sync/limits";
import type { Message, MessageOf, Request, RequestType, ResponseTo } from "@counterpart/core/sync/message-types";
import type { Engine } from "../engine/types.ts";
import { type ServeDeps, serve } from "./serve.ts";
import type { Session } from "./session.ts";
import type { StateQuery } from "./state-exchange.ts";
import {
  accountsQuery,
  blockQuery,
  codesQuery,
  expectedNodesQuery,
  nodesQuery,
  originsQuery,
  stateQuery,
  storagesQuery,
} from "./state-queries.ts";
import type { StateService, StateSource } from "./state-source.ts";
import { createSyncRecord } from "./sync-record.ts";

export interface LocalSource extends StateSource, Pick<StateService, "received"> {
  /** A peer that has what the engine has. */
  readonly session: Session;
  readonly requests: number;
}

/** @param before called before each request; what it throws is what the request ends with */
export function createLocalSource(deps: ServeDeps, before: () => Promise<void> = async () => {}): LocalSource {
  const { engine, clock } = deps;
  let requests = 0;
  const ask = async <T extends RequestType>(request: MessageOf<T> & { readonly type: T }): Promise<ResponseTo<T>> => {
    requests++;
    await before();
    const answer: Message = serve(deps, request as Request);
    if (answer.type === "Error") throw new CodedError("PRUNED", `the peer answered ${answer.code}`);
    return answer as ResponseTo<T>;
  };
  const session = {
    ...createSyncRecord(clock, { bytes: (size) => new Uint8Array(size), fraction: () => 0.5 }),
    peerId: "local",
    isReady: true,
    version: { role: "full", limits: OWN_LIMITS },
    get status() {
      return { head: headOf(engine) };
    },
    request: ask,
    closing: undefined,
  } as unknown as Session;
  const run = async <T extends RequestType, R>(query: StateQuery<T, R>): Promise<R> => {
    const request = query.request(session, 1);
    const taken = query.take(await ask<T>(request), request);
    if (taken === undefined) throw new Error("nothing of what was asked for was answered");
    return taken;
  };
  return {
    session,
    get requests() {
      return requests;
    },
    received: { pages: 0, usefulBytes: 0, wastedBytes: 0 },
    hasPeers: () => true,
    block: (header) => run(blockQuery(header, engine.chainId)),
    accounts: (block, start) => run(accountsQuery(block, start)),
    storages: (block, wanted, start) => run(storagesQuery(block, wanted, start)),
    nodes: (block, account, wanted) => run(nodesQuery(block, account, wanted)),
    expectedNodes: (block, account, root, paths) => run(expectedNodesQuery(block, account, root, paths)),
    state: (block, wanted) => run(stateQuery(block, wanted)),
    codes: (hashes) => run(codesQuery(hashes)),
    async origins(accounts, passed) {
      if (passed?.has(session)) return new Map();
      passed?.add(session);
      const entries = await run(originsQuery(accounts));
      return new Map(
        entries.flatMap((origin, index) => (origin === undefined ? [] : [[accounts[index] as Hex, origin]])),
      );
    },
  };
}

function headOf(engine: Engine): Pick<SealedHeader, "hash" | "number"> {
  const { hash, number } = engine.head();
  return { hash, number };
}
