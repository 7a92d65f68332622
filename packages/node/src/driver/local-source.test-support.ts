/** A source of state that asks another engine of the same process, by the messages that peers send, and verifies. */

import { bytesToHex, type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import type { SealedHeader } from "@counterpart/core/chain/types";
import { keccak256 } from "@counterpart/core/crypto/crypto";
import { OWN_LIMITS } from "@counterpart/core/sync/limits";
import type { Message, MessageOf, Request, RequestType, ResponseTo } from "@counterpart/core/sync/message-types";
import type { ContractOrigin } from "@counterpart/core/sync/message-types-state";
import {
  verifyAccountRangeAnswer,
  verifyCodes,
  verifyNodesAnswer,
  verifyStateAnswer,
  verifyStorageAnswer,
} from "@counterpart/core/verify/peer-answers";
import type { Engine } from "../engine/types.ts";
import { type ServeDeps, serve } from "./serve.ts";
import type { Session } from "./session.ts";
import type { StateSource } from "./state-source.ts";
import { createSyncRecord } from "./sync-record.ts";

export interface LocalSource extends StateSource {
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
  return {
    session,
    get requests() {
      return requests;
    },
    async accounts(block, start) {
      const answer = await ask({ type: "GetContracts", kind: "range", blockHash: block.hash, start });
      if (answer.kind !== "range") throw new Error("another answer");
      return verifyAccountRangeAnswer(block, start, answer);
    },
    async storages(block, wanted, start) {
      return verifyStorageAnswer(
        wanted,
        start,
        await ask({ type: "GetStorage", blockHash: block.hash, wanted, start }),
      );
    },
    async nodes(block, account, wanted) {
      const paths = wanted.map(({ path }) => path);
      const of = account === undefined ? {} : { account };
      const answer = await ask({ type: "GetNodes", blockHash: block.hash, paths, ...of });
      return verifyNodesAnswer(
        wanted.map(({ hash }) => hash),
        answer,
      );
    },
    async state(block, wanted) {
      const answer = await ask({ type: "GetContracts", kind: "state", blockHash: block.hash, wanted });
      if (answer.kind !== "state") throw new Error("another answer");
      return verifyStateAnswer(block, wanted, answer);
    },
    async codes(hashes) {
      const { blobs } = await ask({ type: "GetBlobs", wanted: hashes.map((hash) => ({ hash })) });
      const codes = new Map<Hex, Uint8Array>();
      for (const [index, code] of verifyCodes(hashes, blobs).entries()) {
        if (code !== undefined) codes.set(hashes[index] as Hex, code);
      }
      return codes;
    },
    async origins(accounts) {
      await before();
      const origins = new Map<Hex, ContractOrigin>();
      for (const { address, owner, creationNonce } of engine.contracts(undefined, 100_000)) {
        const hash = bytesToHex(keccak256(hexToBytes(address)));
        if (!accounts.includes(hash)) continue;
        origins.set(hash, {
          address,
          ...(owner === undefined ? {} : { owner }),
          ...(creationNonce === undefined ? {} : { creationNonce }),
        });
      }
      return origins;
    },
  };
}

function headOf(engine: Engine): Pick<SealedHeader, "hash" | "number"> {
  const { hash, number } = engine.head();
  return { hash, number };
}
