/** The engine as the rest of the node sees it: one chain, its pool, and the only writer of the store. */

import type { Hex } from "@counterpart/core/base/bytes";
import type { ErrorCode } from "@counterpart/core/base/error-catalogue";
import type { CodedError } from "@counterpart/core/base/errors";
import type { AnyDecodedBlock } from "@counterpart/core/chain/any-block";
import type { AnySealedHeader } from "@counterpart/core/chain/any-header";
import type {
  Account,
  AnyReceipt,
  AnyTransaction,
  Block,
  Header,
  Receipt,
  SealedHeader,
  Transaction,
} from "@counterpart/core/chain/types";
import type { ForkSchedule } from "@counterpart/core/consensus/fork-schedule";
import type { PoaRules, Tip } from "@counterpart/core/consensus/poa";
import type { BlockContext, CallMessage, CallOutcome, StateReader } from "@counterpart/core/execution/types";
import type { StoreWrite } from "@counterpart/core/ports/store";
import type { Adoption } from "./adoption.ts";
import type { EngineDevelopment } from "./development.ts";
import type { ExecutionSite } from "./execution-site.ts";
import type { Holding } from "./holding.ts";
import type { LogIndex } from "./log-index.ts";
import type { StateView } from "./state-view.ts";

/**
 * What this node knows of one contract. What only execution tells (when it was created, when and how often it changed) is
 * absent where this node took the state over instead of executing the blocks.
 */
export interface ContractEntry {
  readonly address: Hex;
  /** Sender of the creating transaction; absent for contracts of the genesis. */
  readonly owner?: Hex;
  /** Nonce of a top-level creation; absent for a factory's children and genesis contracts. */
  readonly creationNonce?: bigint;
  readonly codeHash: Hex;
  readonly created?: BlockMoment;
  readonly creationTransaction?: Hex;
  /** Last block that changed account or storage. */
  readonly updated?: BlockMoment;
  /** How many canonical blocks changed it, the creating one included. */
  readonly updateSequence?: number;
  readonly genesis: boolean;
}

/** A block, as far as it dates what happened in it. */
export interface BlockMoment {
  readonly number: number;
  readonly hash: Hex;
  /** Seconds. */
  readonly timestamp: number;
}

/** What became of a transaction of whichever chain this is; on an imported one all are included. */
export type TransactionStatus = StatusOf<AnyTransaction, AnyReceipt>;
export type OwnTransactionStatus = StatusOf<Transaction, Receipt>;

type StatusOf<T, R> =
  | {
      readonly status: "included";
      readonly transaction: T;
      readonly blockHash: Hex;
      readonly blockNumber: number;
      readonly index: number;
      readonly receipt: R;
      /** Index in the block of its first log. */
      readonly firstLogIndex: number;
      readonly confirmations: number;
    }
  | {
      readonly status: "pending";
      readonly transaction: T;
      /** Milliseconds since 1970. */
      readonly arrivedAtMs: number;
      /** Why it is not executable at once, such as NONCE_TOO_HIGH; absent when it is. */
      readonly reason?: ErrorCode;
    }
  | {
      readonly status: "conflicted";
      readonly transaction: T;
      /**
       * The transaction that took its nonce: one of the same sender and nonce, or one whose execution raised the sender's
       * nonce (EIP-7702).
       */
      readonly by: Hex;
    };

/** A block that joined the canonical chain; its body is read when it is asked for. */
export interface AppliedBlock {
  readonly header: SealedHeader;
  /** Hashes of its transactions, in order. */
  readonly transactions: readonly Hex[];
  load(): Block;
}

export interface HeadChange {
  readonly head: SealedHeader;
  /** Blocks that left the canonical chain, highest first. */
  readonly reverted: readonly SealedHeader[];
  /** Blocks that joined it, lowest first. */
  readonly applied: readonly AppliedBlock[];
  readonly contractsCreated: readonly Hex[];
  /** Contracts that existed before and whose account or storage changed. */
  readonly contractsUpdated: readonly Hex[];
  /** Contracts that existed before and exist no more: their creation was reverted. */
  readonly contractsRemoved: readonly Hex[];
  /** Whether this node sealed the last applied block in this change. */
  readonly sealedHere: boolean;
  /** The state was taken over in many writes, of which nobody was told: any contract may be another now. */
  readonly rebuilt?: boolean;
}

/** Contracts that a state had which was taken over, and of which only now somebody has said where they come from. */
export type Naming = Pick<HeadChange, "head" | "contractsCreated" | "contractsUpdated" | "contractsRemoved">;

export interface EngineEvents {
  /**
   * Blocks are about to leave the canonical chain, highest first. What is stored of them can be read until the listener
   * returns. `head` tells that they have left; where the write fails, it does not come.
   */
  leaving(headers: readonly SealedHeader[]): void;
  head(change: HeadChange): void;
  /** The head has not moved: `contractsCreated` are listed from now on, of the others more is known. */
  named(naming: Naming): void;
  /** A transaction took its place in the pool and is not durable yet: for whoever seals, and nobody else. */
  pooled(): void;
  /** A transaction in the pool became durable, once. One that was sealed before is only heard of in `head`. */
  transaction(transaction: Transaction, origin: TransactionOrigin): void;
  /** Transactions of a development node are gone as if they had never been sent: dropped, or taken back with the head. */
  forgotten(): void;
  /** A transaction left the pool for another of the same nonce. */
  conflicted(transaction: Hex, by: Hex): void;
}

/** `local`: a caller of this node; `peer`: another node; `reinjected`: from a branch that lost. */
export type TransactionOrigin = "local" | "peer" | "reinjected";

export interface ImportResult {
  /** Blocks that were not held before and are now. */
  readonly added: number;
  /** Hashes whose parents are not held. */
  readonly orphans: readonly Hex[];
  /** Blocks that break a rule, or are dated too far ahead (`FUTURE_BLOCK`). Nothing of them was kept. */
  readonly invalid: readonly {
    readonly hash: Hex;
    readonly code: ErrorCode;
    readonly message: string;
    /** The block that execution here contradicts: this one, or the ancestor for which this one is refused. */
    readonly refused?: Tip;
  }[];
}

/** A well-formed, well-sealed block that execution here contradicted, twice. */
export interface RefusedBlock {
  readonly header: SealedHeader;
  /** The block as peers send it. */
  readonly encoded: Uint8Array;
  readonly message: string;
  /** The header with what execution gives here; absent when a transaction cannot be executed. */
  readonly computed?: Header;
  /** What execution gave for the transactions, in order, up to the one that cannot be executed. */
  readonly outcomes: readonly { readonly transaction: Hex; readonly receipt: Receipt }[];
}

export interface AccountProof {
  readonly account: Account | undefined;
  /** Nodes from the root down (EIP-1186). */
  readonly accountProof: readonly Uint8Array[];
  readonly storage: readonly { readonly slot: Hex; readonly value: bigint; readonly proof: readonly Uint8Array[] }[];
}

/** Reads of one consistent moment. `done` must be called; a snapshot is never kept across a reply. */
export interface Snapshot extends StateReader {
  readonly head: AnySealedHeader;
  contract(address: Hex): ContractEntry | undefined;
  /** The contract at the head that has this keccak(address). */
  hashedContract(addressHash: Hex): ContractEntry | undefined;
  /** Code by its hash, whosever it is. */
  heldCode(codeHash: Hex): Uint8Array | undefined;
  done(): void;
}

/** The state after a block, at one consistent moment. */
export interface BlockState extends StateReader {
  readonly header: AnySealedHeader;
}

/** Who reads the state of a block. */
export type StateReaderKind = "caller" | "peer";

/** Pending transactions of one sender, by nonce. */
export interface PoolContent {
  /** A block could hold them now. */
  readonly pending: readonly Transaction[];
  /** They wait for a nonce before them, or for funds. */
  readonly queued: readonly Transaction[];
}

export interface PoolView {
  readonly pending: number;
  /** Who has something pending. */
  senders(): readonly Hex[];
  contentOf(sender: Hex): PoolContent;
  /** Next nonce of a sender, its consecutive pending transactions included. */
  nextNonce(sender: Hex): bigint;
  transactions(): readonly Transaction[];
  /** Re-injected transactions that a block could hold and that were not tried yet. */
  readonly reinjecting: number;
  /** When the oldest transactions that a block sealed now could hold arrived, in ms. */
  oldestExecutable(): { readonly own?: number; readonly fromPeer?: number };
  /** Transactions that a block sealed now could hold and that arrived at least `waitedMs` ago, at most `limit`. */
  overdue(waitedMs: number, limit: number): readonly Transaction[];
}

/** The account that seals this node's blocks. */
export interface Sealer {
  readonly address: Hex;
  /** 65 bytes over a 32-byte digest: r ‖ s ‖ recovery bit. */
  sign(digest: Uint8Array): Uint8Array;
}

/** A chain as it is read and sent to, whoever seals it: this node's own, or one that was imported. */
export interface ChainEngine {
  /** While a state is taken over from peers, reads and writes throw `NOT_READY`. */
  readonly adoption: Pick<Adoption, "isUnderway" | "isHeld" | "drop" | "name">;
  /** When which rules hold, of a chain that was imported and is only read; undefined: this node's own. */
  readonly schedule: ForkSchedule | undefined;
  /** Why it takes no transactions; undefined where it does. */
  refusal(): CodedError | undefined;
  /** Never executes a block. */
  readonly isReplica: boolean;
  readonly holding: Holding;
  /**
   * What `read` gives of the head's state; what a replica lacks for it is fetched, and the read begun again.
   * @throws CodedError `NOT_HELD` when no peer proves what is lacking
   */
  read<T>(read: (snapshot: Snapshot) => T): Promise<T>;
  /**
   * What `read` gives of the state after a canonical block; what a replica lacks of the head's is fetched.
   * @throws CodedError `BLOCK_NOT_FOUND`, `PRUNED` before `historyStart`, `NOT_HELD`
   */
  readAt<T>(block: Hex, read: (state: BlockState) => T): Promise<T>;
  /** Number of the first block whose state can be read. */
  readonly historyStart: number;
  /** Blocks before the head whose states are kept; undefined: of all that are held. */
  readonly historyBlocks?: number | undefined;
  /** Number of the block whose state was taken over; blocks up to it are known by their headers alone. 0: none was. */
  readonly adopted: number;
  readonly chainId: number;
  readonly genesisHash: Hex;
  readonly pool: PoolView;
  head(): AnySealedHeader;
  /**
   * Any held header by hash, or one by number: where a better chain's headers are here before its state, that chain's.
   */
  header(at: number | Hex): AnySealedHeader | undefined;
  block(at: number | Hex): AnyDecodedBlock | undefined;
  /**
   * A block near the head whose header alone is held, from peers.
   * @throws CodedError `PRUNED` for a block further below the head, `NOT_HELD` when no peer gives it
   */
  fetchBlock(header: AnySealedHeader): Promise<AnyDecodedBlock>;
  /** The hash of a canonical block: of one on the head's chain, whatever better one is known; undefined above the head. */
  canonicalHash(number: number): Hex | undefined;
  /** Whether the block is the head or one that led to it. */
  isCanonical(hash: Hex): boolean;
  /** Receipts of a canonical block. */
  receipts(hash: Hex): readonly AnyReceipt[] | undefined;
  /** Which canonical blocks may have logs that are asked for. */
  readonly logs: LogIndex;
  transaction(hash: Hex): TransactionStatus | undefined;
  /** Whether `transaction` would give something, without reading the block that holds it. */
  knows(transaction: Hex): boolean;
  snapshot(): Snapshot;
  /**
   * The state of a recent canonical block. To be read before the next await: from then on ask again.
   * @throws CodedError `BLOCK_NOT_FOUND`, `PRUNED`
   */
  stateAt(block: Hex, reader: StateReaderKind): StateView;
  /**
   * The same for callers, with what was set by hand on the head: the root of its header is that of what is shown then,
   * and no block has it.
   * @throws CodedError `BLOCK_NOT_FOUND`, `PRUNED`
   */
  shownStateAt(block: Hex): StateView;
  /** The last blocks that execution here contradicted, oldest first. */
  refusals(): readonly Pick<RefusedBlock, "header" | "encoded">[];
  /** Contracts in order of address, starting after `after`. */
  contracts(after: Hex | undefined, limit: number): readonly ContractEntry[];
  /** Contracts at the head, those of the genesis left out. */
  contractCount(): number;
  /**
   * Runs a message on the head's state, as if in the head block itself; with `nextContext()` as overrides as if in the
   * block that would be sealed now.
   * @param block a canonical block, on whose state and as if in which it runs instead
   * @throws CodedError those of `readAt`; reverts and halts are results
   */
  call(message: CallMessage, overrides?: Partial<BlockContext>, block?: Hex): Promise<CallOutcome>;
  /**
   * Executes on the state after a block what is not to be kept. The work may be begun again, where the state must be fetched
   * first.
   * @param block a canonical block; undefined: the head
   * @throws CodedError those of `readAt`, and those of the work
   */
  execute<T>(block: Hex | undefined, work: (site: ExecutionSite) => Promise<T>): Promise<T>;
  /** Number, time, sealer and base fee of a block sealed now, and what was set for it by hand. */
  nextContext(): Partial<BlockContext>;
  /**
   * Validates a transaction and gives it its place in the pool before the promise is returned, so that reading the next
   * nonce, signing and submitting in one go needs no lock. Resolves when it is durable, `companions` in the same write.
   * Submitting it again resolves too, with companions written after it. One that replaces another takes its place later.
   * @param peerId who sent it, for the origin `peer`: one peer cannot take the room of the others
   * @throws CodedError of the pool, `STORE_WRITE_FAILED`, `NOT_READY`, `REPLICA`, `READ_ONLY`
   */
  submit(
    transaction: Transaction,
    origin: TransactionOrigin,
    companions?: readonly StoreWrite[],
    peerId?: string,
  ): Promise<void>;
  on<K extends keyof EngineEvents>(event: K, listener: EngineEvents[K]): () => void;
  /** Waits until the write under way has ended and closes. */
  stop(): Promise<void>;
}

/** This node's own chain, which it executes or follows and extends. */
export interface Engine extends ChainEngine {
  /** Present where the chain may be changed as its rules do not allow. */
  readonly development?: EngineDevelopment;
  /** Taking the state over from peers: while it is under way, reads and writes of it throw `NOT_READY`. */
  readonly adoption: Adoption;
  /** How many blocks below the head a better branch may fork off: all of it is held before it is executed. */
  readonly mergeDepthMax: number;
  /** Who may seal. */
  readonly rules: PoaRules;
  head(): SealedHeader;
  header(at: number | Hex): SealedHeader | undefined;
  block(at: number | Hex): Block | undefined;
  fetchBlock(header: SealedHeader): Promise<Block>;
  receipts(hash: Hex): readonly Receipt[] | undefined;
  transaction(hash: Hex): OwnTransactionStatus | undefined;
  stateAt(block: Hex, reader: StateReaderKind): StateView<SealedHeader>;
  /** Keeps blocks in any order and moves the head where fork choice says. */
  import(blocks: readonly Block[]): Promise<ImportResult>;
  /** One of the last blocks that execution here contradicted. */
  refused(hash: Hex): RefusedBlock | undefined;
  /** Seals one block of executable transactions on the head; undefined when there is none. */
  seal(): Promise<Block | undefined>;
}
