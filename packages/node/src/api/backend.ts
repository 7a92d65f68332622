/** All that the APIs may reach. */

import type { RecoverSenders } from "@counterpart/core/ports/senders";
import type { Waiters } from "../contracts/inclusion.ts";
import type { ContractService } from "../contracts/types.ts";
import type { DevelopmentNode } from "../driver/development-node.ts";
import type { NetworkService } from "../driver/types.ts";
import type { ChainEngine } from "../engine/types.ts";
import type { KeyRing } from "../keys/types.ts";

export interface Backend {
  readonly version: string;
  readonly instanceId: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly engine: ChainEngine;
  readonly contracts: ContractService;
  readonly network: NetworkService;
  readonly keys: KeyRing;
  /** What `--dev` adds. */
  readonly development?: DevelopmentNode;
  readonly recoverSenders: RecoverSenders;
  /** Shared with whoever has to know whether somebody waits for a block. */
  readonly waiters?: Waiters;
  now(): number;
}
