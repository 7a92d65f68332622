/** What holds where nothing is set; apart from the schema, which clients of a node have no need to load. */

export const DEFAULTS = {
  apiPort: 8080,
  apiHost: "127.0.0.1",
  p2pPort: 5000,
  p2pHost: "127.0.0.1",
  peer: [] as string[],
  allowPeers: [] as string[],
  role: "full",
  contracts: ["all"] as string[],
  sync: "full",
  history: 90_000,
  logBlocks: 100_000,
  logResults: 10_000,
  allowUncertified: false,
  dev: false,
  rpcRequestBytesMax: 1_048_576,
  rpcBatchMax: 1_000,
  rpcResponseBytesMax: 16_777_216,
  rpcTimeoutMs: 120_000,
  rpcGasMax: 50_000_000,
  allowHosts: [] as string[],
  allowOrigins: [] as string[],
  apiRate: 100,
  logLevel: "info",
  logFormat: "pretty",
} as const;

/** The data directory's default follows from the peers' port. */
export const defaultDataDir = (p2pPort: number): string => `data/p2p-${p2pPort}`;

export interface SettingNames {
  /** `--api-port`. */
  readonly flag: string;
  /** `COUNTERPART_API_PORT`. */
  readonly variable: string;
  /** `api_port`, in the configuration file. */
  readonly fileKey: string;
}

/** What a setting is called at each of its sources. */
export function settingNames(key: string): SettingNames {
  const words = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return {
    flag: `--${words.replaceAll("_", "-")}`,
    variable: `COUNTERPART_${words.toUpperCase()}`,
    fileKey: words,
  };
}
