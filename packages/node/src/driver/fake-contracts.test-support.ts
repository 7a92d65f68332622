/** A contract service over a fake engine, which merges artifacts by the real rule. */

import { type Hex, utf8ToBytes } from "@counterpart/core/base/bytes";
import { artifactRecordHash, compareArtifacts, contentHash } from "@counterpart/core/sync/artifact";
import type { ArtifactRecord } from "@counterpart/core/sync/artifact-types";
import type { ArtifactChange, ContractService, MergeOutcome } from "../contracts/types.ts";
import type { Engine } from "../engine/types.ts";
import { unsupported } from "./fake-adoption.test-support.ts";
import { word } from "./fake-chain.test-support.ts";

/** A record as its owner would make it; a `forged` one is refused everywhere. */
export function makeRecord(address: Hex, updatedAt: number, text: string, forged = false): ArtifactRecord {
  const content = utf8ToBytes(text);
  return {
    address,
    codeHash: word(`code of ${address}`),
    creationNonce: 1n,
    updatedAt,
    contentHash: contentHash(content),
    signature: new Uint8Array(65).fill(forged ? 0xff : 1),
    content,
  };
}

export interface FakeContracts extends ContractService {
  /** Keeps a record made on this node. */
  publishRecord(record: ArtifactRecord): void;
  readonly puts: number;
}

export function createFakeContracts(engine: Engine): FakeContracts {
  const held = new Map<Hex, ArtifactChange>();
  const listeners: ((record: ArtifactRecord, origin: "local" | "peer") => void)[] = [];
  let sequence = 0;
  let puts = 0;

  const isVisible = (address: Hex): boolean => {
    const snapshot = engine.snapshot();
    const entry = snapshot.contract(address);
    snapshot.done();
    return entry !== undefined;
  };
  const visible = (): ArtifactChange[] => [...held.values()].filter(({ record }) => isVisible(record.address));
  const put = (record: ArtifactRecord, origin: "local" | "peer"): MergeOutcome => {
    if (record.signature[0] === 0xff) return "refused";
    if (!isVisible(record.address)) return "unknown-contract";
    const before = held.get(record.address)?.record;
    const order = before === undefined ? 1 : compareArtifacts(record, before);
    if (order <= 0) return order === 0 ? "equal" : "older";
    held.set(record.address, { sequence: ++sequence, record });
    for (const listener of listeners) listener(record, origin);
    return before === undefined ? "added" : "replaced";
  };
  return {
    list: unsupported,
    get: unsupported,
    balance: unsupported,
    deploy: unsupported,
    execute: unsupported,
    submit: unsupported,
    call: unsupported,
    decodeLogs: unsupported,
    publish: unsupported,
    async putRecord(record) {
      puts++;
      return put(record, "peer");
    },
    artifacts() {
      let digest = 0n;
      const records = visible();
      for (const { record } of records) digest ^= BigInt(artifactRecordHash(record));
      return { count: records.length, digest: `0x${digest.toString(16).padStart(64, "0")}`, sequence };
    },
    artifact: (address) => (isVisible(address) ? held.get(address)?.record : undefined),
    artifactsSince: (after, limit) =>
      visible()
        .filter((change) => change.sequence > after)
        .sort((a, b) => a.sequence - b.sequence)
        .slice(0, limit),
    onArtifact(listener) {
      listeners.push(listener);
      return () => listeners.splice(listeners.indexOf(listener), 1);
    },
    publishRecord: (record) => void put(record, "local"),
    get puts() {
      return puts;
    },
  };
}
