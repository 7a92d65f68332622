/** Every command by its name. What one is and does is loaded only when it is asked for: help and clients start at once. */

import type { CommandGroup, CommandNode } from "./command-nodes.ts";

const contracts: CommandGroup = {
  name: "contracts",
  summary: "list, deploy and use contracts",
  entries: [
    {
      name: "list",
      summary: "contracts on the chain, by owner, type and name",
      load: async () => (await import("./commands/contracts-list.ts")).contractsList,
    },
    {
      name: "show",
      summary: "one contract with its functions",
      load: async () => (await import("./commands/contracts-show.ts")).contractsShow,
    },
    {
      name: "deploy",
      summary: "deploy a template, or what a compiler made",
      load: async () => (await import("./commands/contracts-deploy.ts")).contractsDeploy,
    },
    {
      name: "execute",
      summary: "execute a function that changes state",
      load: async () => (await import("./commands/contracts-execute.ts")).contractsExecute,
    },
    {
      name: "call",
      summary: "call a function and change nothing",
      load: async () => (await import("./commands/contracts-call.ts")).contractsCall,
    },
    {
      name: "publish",
      summary: "sign and publish a contract's name, type and ABI",
      load: async () => (await import("./commands/contracts-publish.ts")).contractsPublish,
    },
    {
      name: "watch",
      summary: "follow what happens to contracts, until Ctrl-C",
      load: async () => (await import("./commands/contracts-watch.ts")).contractsWatch,
    },
  ],
};

const accounts: CommandGroup = {
  name: "accounts",
  summary: "the accounts that a node signs for",
  entries: [
    {
      name: "list",
      summary: "those accounts with their balances",
      load: async () => (await import("./commands/accounts-list.ts")).accountsList,
    },
    {
      name: "show",
      summary: "any account's balance and nonces",
      load: async () => (await import("./commands/accounts-show.ts")).accountsShow,
    },
    {
      name: "new",
      summary: "make an account whose key the node holds",
      load: async () => (await import("./commands/accounts-new.ts")).accountsNew,
    },
  ],
};

const peers: CommandGroup = {
  name: "peers",
  summary: "connect and disconnect nodes",
  entries: [
    {
      name: "list",
      summary: "every peer that is connected or redialled",
      load: async () => (await import("./commands/peers-list.ts")).peersList,
    },
    {
      name: "connect",
      summary: "connect to a peer and synchronise with it",
      load: async () => (await import("./commands/peers-connect.ts")).peersConnect,
    },
    {
      name: "disconnect",
      summary: "disconnect and forget one peer, or all",
      load: async () => (await import("./commands/peers-disconnect.ts")).peersDisconnect,
    },
    {
      name: "bans",
      summary: "peers that the node refuses for misbehaviour",
      load: async () => (await import("./commands/peers-bans.ts")).peersBans,
    },
    {
      name: "unban",
      summary: "end a peer's ban",
      load: async () => (await import("./commands/peers-unban.ts")).peersUnban,
    },
  ],
};

const blocks: CommandGroup = {
  name: "blocks",
  summary: "blocks of the chain",
  entries: [
    {
      name: "list",
      summary: "blocks, highest first",
      load: async () => (await import("./commands/blocks-list.ts")).blocksList,
    },
    {
      name: "latest",
      summary: "the head",
      load: async () => (await import("./commands/blocks-latest.ts")).blocksLatest,
    },
    {
      name: "show",
      summary: "one block by number or hash",
      load: async () => (await import("./commands/blocks-show.ts")).blocksShow,
    },
  ],
};

const transactions: CommandGroup = {
  name: "tx",
  summary: "transactions",
  entries: [
    {
      name: "show",
      summary: "what became of a transaction",
      load: async () => (await import("./commands/tx-show.ts")).txShow,
    },
    {
      name: "send",
      summary: "hand in a signed transaction",
      load: async () => (await import("./commands/tx-send.ts")).txSend,
    },
  ],
};

const database: CommandGroup = {
  name: "db",
  summary: "check, copy, restore and shrink a node's database",
  entries: [
    {
      name: "verify",
      summary: "check everything that is stored; the node must not run",
      load: async () => (await import("./commands/db-verify.ts")).dbVerify,
    },
    {
      name: "backup",
      summary: "copy database, genesis file and keys to a new folder, also while the node runs",
      load: async () => (await import("./commands/db-backup.ts")).dbBackup,
    },
    {
      name: "restore",
      summary: "check a backup and make it a data directory",
      load: async () => (await import("./commands/db-restore.ts")).dbRestore,
    },
    {
      name: "reset",
      summary: "give up a chain that development methods have changed; the node must not run",
      load: async () => (await import("./commands/db-reset.ts")).dbReset,
    },
    {
      name: "stats",
      summary: "rows and bytes of every table, also while the node runs",
      load: async () => (await import("./commands/db-stats.ts")).dbStats,
    },
    {
      name: "prune",
      summary: "forget old states and give the room back; the node must not run",
      load: async () => (await import("./commands/db-prune.ts")).dbPrune,
    },
  ],
};

const network: CommandGroup = {
  name: "network",
  summary: "networks of one's own",
  entries: [
    {
      name: "create",
      summary: "make the genesis file and the signers' keys of a new network",
      load: async () => (await import("./commands/network-create.ts")).networkCreate,
    },
  ],
};

const config: CommandGroup = {
  name: "config",
  summary: "what a node would be started with",
  entries: [
    {
      name: "print",
      summary: "each setting with its value and where that comes from",
      load: async () => (await import("./commands/config-print.ts")).configPrint,
    },
    {
      name: "check",
      summary: "say what is wrong with the settings, if anything is",
      load: async () => (await import("./commands/config-check.ts")).configCheck,
    },
  ],
};

/** In the order in which help shows them. */
export const COMMANDS: readonly CommandNode[] = [
  {
    name: "start",
    summary: "run a node until it is told to stop (Ctrl-C or SIGTERM)",
    load: async () => (await import("./commands/start.ts")).start,
  },
  {
    name: "status",
    summary: "show where a running node stands: head, lag, what is fetched, peers",
    load: async () => (await import("./commands/status.ts")).statusCommand,
  },
  contracts,
  accounts,
  peers,
  blocks,
  transactions,
  {
    name: "import",
    summary: "take a chain that was sealed elsewhere into a data directory, executing and checking every block",
    load: async () => (await import("./commands/import.ts")).importCommand,
  },
  {
    name: "export",
    summary: "write blocks of the chain to a file, also while the node runs",
    load: async () => (await import("./commands/export.ts")).exportCommand,
  },
  database,
  network,
  config,
  {
    name: "doctor",
    summary: "look for what keeps a node from working, and say what to do",
    load: async () => (await import("./commands/doctor.ts")).doctor,
  },
  {
    name: "completion",
    summary: "print a script that completes commands and flags in a shell",
    load: async () => (await import("./commands/completion.ts")).createCompletion(COMMANDS),
  },
];
