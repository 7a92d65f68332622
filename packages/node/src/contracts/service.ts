/** The contract service: what the APIs and the driver ask about contracts, and everything that is sent to them. */

import { type Hex, hexToBytes } from "@counterpart/core/base/bytes";
import { CodedError } from "@counterpart/core/base/errors";
import { keccak256Hex } from "@counterpart/core/crypto/crypto";
import type { Clock, Logger } from "@counterpart/core/ports/runtime";
import type { ArtifactRecord } from "@counterpart/core/sync/artifact-types";
import { createEmitter } from "../engine/emitter.ts";
import type { ChainEngine } from "../engine/types.ts";
import { withSnapshot } from "../engine/with-snapshot.ts";
import type { KeyRing } from "../keys/types.ts";
import { parseContractAbi } from "./abi.ts";
import { createArtifactStore } from "./artifact-store.ts";
import type { ArtifactTable } from "./artifact-table.ts";
import { compareCode } from "./code-match.ts";
import type { CompileSolidity } from "./compiler.ts";
import { createContentCache } from "./content-cache.ts";
import { createHeadFollower } from "./head-follower.ts";
import type { Idempotency } from "./idempotency.ts";
import { createInclusionWatch, type Waiters } from "./inclusion.ts";
import { provenOrigin } from "./proven-origin.ts";
import { createPublisher } from "./publisher.ts";
import { createSender } from "./sender.ts";
import {
  balanceOf,
  callFunction,
  compiledOf,
  decodeLogs,
  deploy,
  execute,
  requireContract,
  submitSigned,
  type TransactingDeps,
} from "./transacting.ts";
import type { CodeSource, ContractService } from "./types.ts";
import { contractNotFound, createViews } from "./views.ts";

export interface ContractServiceDeps {
  readonly engine: ChainEngine;
  readonly keys: KeyRing;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly artifacts: ArtifactTable;
  readonly idempotency: Idempotency;
  readonly compile: CompileSolidity;
  /** Names this node's data; part of the tokens that lists give. At most 128 characters. */
  readonly instanceId: string;
  /** Shared with whoever has to know whether somebody waits for a block. */
  readonly waiters?: Waiters;
}

export interface RunningContractService extends ContractService {
  /** Follows the head no longer. To be called before the store is closed. */
  stop(): void;
}

interface ContractEvents {
  artifact(record: ArtifactRecord, origin: "local" | "peer"): void;
}

/**
 * Starts the service. It listens to the engine: make it before whatever announces contracts, so that an artifact signed
 * for a new contract is there when the contract is announced.
 */
export function createContractService(deps: ContractServiceDeps): RunningContractService {
  const { engine, keys, clock, logger, artifacts: table, idempotency, compile, instanceId, waiters } = deps;
  const contents = createContentCache();
  const emitter = createEmitter<ContractEvents>(logger);
  const store = createArtifactStore(table, engine);
  const onPublished = (record: ArtifactRecord): void => emitter.emit("artifact", record, "local");
  const publisher = createPublisher({ engine, keys, clock, logger, table, store, onPublished });
  const stop = createHeadFollower({ engine, clock, logger, store, publisher });
  // After the line above: who waits for an inclusion finds its artifact there.
  const watch = createInclusionWatch(engine, clock, waiters);
  const views = createViews({ engine, clock, instanceId, store, contents });
  const sender = createSender(engine, keys);
  const transacting: TransactingDeps = {
    engine,
    keys,
    store,
    contents,
    publisher,
    sender,
    watch,
    idempotency,
    compile,
  };

  /** @throws CodedError `CODE_MISMATCH`; those of `compiledOf` */
  const checkCode = async (address: Hex, source: CodeSource) => {
    const compiled = await compiledOf(transacting, source);
    const code = await engine.read((snapshot) => {
      const account = snapshot.account(address);
      if (account === undefined) throw contractNotFound(address);
      return snapshot.code(account.codeHash);
    });
    const match = compareCode(code, compiled);
    if (match.match === "none") {
      const { proxy } = await views.get(address);
      const behind = proxy === undefined ? "" : `; it runs the code at ${proxy.implementation}: is that the one meant?`;
      throw new CodedError("CODE_MISMATCH", match.reason + behind, { address });
    }
    const { name, abi } = compiled;
    return { match, content: { ...(name !== undefined && { name }), abi } };
  };

  return {
    list: views.list,
    get: views.get,
    balance: (address, wallet) => balanceOf(transacting, address, wallet),
    deploy: (...request) => deploy(transacting, ...request),
    execute: (...request) => execute(transacting, ...request),
    submit: (transaction, key) => submitSigned(transacting, transaction, key),
    decodeLogs: (logs) => decodeLogs(transacting, logs),
    call: (address, call) => callFunction(transacting, address, call),
    async publish(address, content, source) {
      requireContract(engine, address);
      const checked = source === undefined ? undefined : await checkCode(address, source);
      const told = { ...checked?.content, ...content };
      if (told.abi !== undefined) parseContractAbi(told.abi);
      publisher.publish(requireContract(engine, address), told);
      return { view: await views.get(address), ...(checked !== undefined && { match: checked.match }) };
    },
    async putRecord(record) {
      const { address } = record;
      const origin = provenOrigin(
        withSnapshot(engine, ({ contract }) => contract(address)),
        record,
        engine,
      );
      if (origin !== undefined) {
        await engine.adoption.name(new Map([[keccak256Hex(hexToBytes(address)), origin]]));
        // What whoever was taken for the owner has signed is hidden.
        store.review([address]);
      }
      const { outcome, reason } = store.merge(record);
      if (reason !== undefined) logger.debug("an artifact was refused", { address, reason });
      if (outcome === "added" || outcome === "replaced") emitter.emit("artifact", record, "peer");
      return outcome;
    },
    artifacts: () => store.summary(),
    artifact: (address) => store.visible(address)?.record,
    artifactsSince: (sequence, limit) => store.since(sequence, limit),
    onArtifact: (listener) => emitter.on("artifact", listener),
    stop,
  };
}
