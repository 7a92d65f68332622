/**
 * What can be set, stated once: flags, environment variables, keys of the configuration file, their validation and
 * the help text all follow from this schema.
 */

import { type Static, Type } from "typebox";
import { DEFAULTS, type SettingNames, settingNames } from "./config-defaults.ts";

/** What a schema's option says beside JSON Schema: both are shown to people. */
interface Notes {
  readonly description: string;
  /** Completes "… must be". */
  readonly expected: string;
  /** Name of the value in the help text; absent for a flag without value. */
  readonly placeholder?: string;
  /** Not to be shown. */
  readonly isSecret?: boolean;
}

const port = (notes: Omit<Notes, "expected" | "placeholder">) =>
  Type.Integer({ minimum: 0, maximum: 65535, placeholder: "port", expected: "a port from 0 to 65535", ...notes });
const host = (notes: Pick<Notes, "description">) =>
  Type.String({
    pattern: "^(?!.*\\.\\.)[a-zA-Z0-9_:][a-zA-Z0-9_.:%-]*$",
    placeholder: "host",
    expected: "an IP address or host name",
    ...notes,
  });
const path = (notes: Pick<Notes, "description">) =>
  Type.String({ minLength: 1, placeholder: "path", expected: "a path", ...notes });
const count = (minimum: number, maximum: number, notes: Pick<Notes, "description" | "placeholder">) =>
  Type.Integer({ minimum, maximum, expected: `a number from ${minimum} to ${maximum}`, ...notes });
const MEBIBYTE = 1024 * 1024;
const PEERS_MAX = 64;
/** Peers that a node may be told to allow, on the command line; a file may name more. */
const ALLOWED_MAX = 1_024;
/** Names and origins that the API may be told to answer to. */
const NAMES_MAX = 64;
/** Contracts that a replica may be told to hold, on the command line. */
const CHOSEN_MAX = 4_096;

export const CONFIG_SCHEMA = Type.Object(
  {
    apiPort: port({ description: "port of REST and JSON-RPC; 0 takes a free one" }),
    apiHost: host({ description: "address that REST and JSON-RPC listen on" }),
    p2pPort: port({ description: "port for peers; 0 takes a free one" }),
    p2pHost: host({ description: "address that peers connect to" }),
    wsPort: Type.Optional(port({ description: "port for peers over WebSocket (off when not given)" })),
    dataDir: path({ description: "folder of the chain, the contracts and the keys" }),
    keystorePasswordFile: Type.Optional(
      path({ description: "file with the password that the accounts' keys are encrypted with (not when not given)" }),
    ),
    genesis: Type.Optional(
      path({
        description: "genesis file (genesis.json in the data directory when not given, else the development network)",
      }),
    ),
    peer: Type.Array(Type.String({ pattern: "^\\S+$" }), {
      maxItems: PEERS_MAX,
      placeholder: "address",
      description: "peer to stay connected to, host:port or a multiaddr; repeatable",
      expected: `a list of at most ${PEERS_MAX} addresses`,
    }),
    networkKey: Type.Optional(
      path({ description: "file with the key of a private network, in the form of libp2p's swarm.key" }),
    ),
    allowPeers: Type.Array(Type.String({ pattern: "^(Qm|1)[1-9A-HJ-NP-Za-km-z]{40,60}$" }), {
      maxItems: ALLOWED_MAX,
      placeholder: "peer id",
      description: "peer to be linked with, and no others but those that are also listed; repeatable",
      expected: `a list of at most ${ALLOWED_MAX} peer ids`,
    }),
    allowPeersFile: Type.Optional(
      path({ description: "file with peer ids to be linked with, one on a line, and no others" }),
    ),
    role: Type.Enum(["full", "replica"], {
      placeholder: "role",
      description: "full executes every block; replica executes none and holds proven state",
      expected: "full or replica",
    }),
    contracts: Type.Array(Type.String({ pattern: "^(all|0x[0-9a-fA-F]{40})$" }), {
      minItems: 1,
      maxItems: CHOSEN_MAX,
      placeholder: "address",
      description: "contracts that a replica holds: all, which is the default, or addresses; repeatable",
      expected: `all, or at most ${CHOSEN_MAX} addresses of 20 bytes`,
    }),
    sync: Type.Enum(["full", "snap"], {
      placeholder: "way",
      description: "how a fresh full node catches up: full executes every block, snap takes over a proven state",
      expected: "full or snap",
    }),
    history: Type.Union([Type.Integer({ minimum: 1, maximum: 999_999_999 }), Type.Literal("archive")], {
      placeholder: "blocks",
      description: "blocks before the head whose state can still be read; archive for all of them",
      expected: "a number of blocks from 1 to 999999999, or archive",
    }),
    logBlocks: Type.Integer({
      minimum: 1,
      maximum: 999_999_999,
      placeholder: "blocks",
      description: "most blocks that one eth_getLogs may ask for",
      expected: "a number of blocks from 1 to 999999999",
    }),
    logResults: Type.Integer({
      minimum: 1,
      maximum: 1_000_000,
      placeholder: "logs",
      description: "most logs that one eth_getLogs may answer with",
      expected: "a number of logs from 1 to 1000000",
    }),
    allowUncertified: Type.Boolean({
      description: "take state over also where no listed signer stands for it",
      expected: "true or false",
    }),
    dev: Type.Boolean({
      description: "also hold the ten development accounts, whose keys are public, and answer development methods",
      expected: "true or false",
    }),
    rpcRequestBytesMax: count(1_024, 64 * MEBIBYTE, {
      placeholder: "bytes",
      description: "bytes of a JSON-RPC request, a whole batch included",
    }),
    rpcBatchMax: count(1, 10_000, { placeholder: "requests", description: "requests of a JSON-RPC batch" }),
    rpcResponseBytesMax: count(1_024, 256 * MEBIBYTE, {
      placeholder: "bytes",
      description: "size of a JSON-RPC answer, a whole batch included",
    }),
    rpcTimeoutMs: count(10, 600_000, {
      placeholder: "ms",
      description: "time after which a JSON-RPC request is answered with an error",
    }),
    rpcGasMax: count(21_000, 999_999_999, {
      placeholder: "gas",
      description: "gas of a call, an estimate or a simulation",
    }),
    allowHosts: Type.Array(Type.String({ pattern: "^[a-zA-Z0-9_]([a-zA-Z0-9_.-]{0,251}[a-zA-Z0-9])?$" }), {
      maxItems: NAMES_MAX,
      placeholder: "name",
      description: "name that callers of the API may use, beside IP addresses and localhost; repeatable",
      expected: `a list of at most ${NAMES_MAX} host names, without port`,
    }),
    allowOrigins: Type.Array(Type.String({ pattern: "^https?://[a-zA-Z0-9_.-]+(:[0-9]{1,5})?$" }), {
      maxItems: NAMES_MAX,
      placeholder: "origin",
      description: "web page that may call the API, as https://dapp.example, beside those on loopback; repeatable",
      expected: `a list of at most ${NAMES_MAX} origins, such as https://dapp.example`,
    }),
    apiRate: count(0, 1_000_000, {
      placeholder: "calls",
      description: "calls a second that one address beyond loopback may make of the API; 0 for any number",
    }),
    logLevel: Type.Enum(["debug", "info", "warn", "error", "silent"], {
      placeholder: "level",
      description: "least severe messages to log: debug, info, warn, error or silent",
      expected: "debug, info, warn, error or silent",
    }),
    logFormat: Type.Enum(["pretty", "json"], {
      placeholder: "format",
      description: "pretty for people, json for machines",
      expected: "pretty or json",
    }),
  },
  { additionalProperties: false },
);

/** A node's whole configuration; its paths are absolute. */
export type NodeConfig = Readonly<Static<typeof CONFIG_SCHEMA>>;
export type ConfigKey = keyof NodeConfig;

export interface ConfigOption extends Notes, SettingNames {
  readonly key: ConfigKey;
  readonly kind: "integer" | "boolean" | "list" | "text";
}

/** All options, in the order of the schema. */
export const CONFIG_OPTIONS: readonly ConfigOption[] = Object.entries(CONFIG_SCHEMA.properties).map(toOption);

function toOption([name, schema]: [string, object]): ConfigOption {
  const { type, anyOf, description, expected, placeholder, isSecret } = schema as Notes & {
    readonly type?: string;
    readonly anyOf?: readonly object[];
  };
  return {
    key: name as ConfigKey,
    // A number or a word: what is no number stays text.
    kind:
      anyOf !== undefined
        ? "integer"
        : type === "integer" || type === "boolean"
          ? type
          : type === "array"
            ? "list"
            : "text",
    ...settingNames(name),
    description,
    expected,
    ...(placeholder === undefined ? {} : { placeholder }),
    ...(isSecret === undefined ? {} : { isSecret }),
  };
}

/** Values of all options that have one when nothing is set; the data directory's follows from the peers' port. */
export const CONFIG_DEFAULTS = DEFAULTS satisfies Partial<NodeConfig>;

/** What a request over JSON-RPC may cost. */
export const rpcLimitsOf = (config: NodeConfig) => ({
  requestBytesMax: config.rpcRequestBytesMax,
  batchMax: config.rpcBatchMax,
  responseCharactersMax: config.rpcResponseBytesMax,
  timeoutMs: config.rpcTimeoutMs,
  gasMax: config.rpcGasMax,
});
