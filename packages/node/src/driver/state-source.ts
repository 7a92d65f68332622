/** Stub, replaced by the real one. */
import type { Hex } from "@counterpart/core/base/bytes";
import type { ContractOrigin, WantedState, WantedStorage } from "@counterpart/core/sync/message-types-state";
import type { NibblePath } from "@counterpart/core/trie/types";
import type { ProvenNode, ProvenStorage, TrustedHeader } from "@counterpart/core/verify/peer-answers";
import type { ProvenAccount, ProvenAccounts } from "@counterpart/core/verify/state-proof";

export interface StateSource {
  accounts(block: TrustedHeader, start: Uint8Array): Promise<ProvenAccounts>;
  storages(block: TrustedHeader, wanted: readonly WantedStorage[], start: Uint8Array): Promise<readonly ProvenStorage[]>;
  nodes(block: TrustedHeader, account: Hex | undefined, wanted: readonly { path: NibblePath; hash: Hex }[]): Promise<readonly ProvenNode[]>;
  state(block: TrustedHeader, wanted: readonly WantedState[]): Promise<readonly ProvenAccount[]>;
  codes(hashes: readonly Hex[]): Promise<ReadonlyMap<Hex, Uint8Array>>;
  origins(accounts: readonly Hex[]): Promise<ReadonlyMap<Hex, ContractOrigin>>;
}
