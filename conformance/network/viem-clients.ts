/** Clients of viem for a node, as an application makes them. */

import {
  type Address,
  type Chain,
  createPublicClient,
  createTestClient,
  createWalletClient,
  defineChain,
  type HttpTransport,
  http,
  type JsonRpcAccount,
  type PublicClient,
  type TestClient,
  type WalletClient,
} from "viem";
import type { TestNode } from "./nodes.ts";

/** Of the accounts that a node with `--dev` signs for. */
export const [FIRST, SECOND, THIRD] = [
  "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
  "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
  "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
] as const satisfies readonly Address[];

type Writer = WalletClient<HttpTransport, Chain, JsonRpcAccount>;

export interface Clients {
  readonly reader: PublicClient<HttpTransport, Chain>;
  readonly tester: TestClient<"hardhat", HttpTransport, Chain>;
  /** Has no key: the node signs. */
  readonly writer: Writer;
  writerOf(account: Address): Writer;
}

export function clientsOf({ url }: Pick<TestNode, "url">): Clients {
  const chain = defineChain({
    id: 31_337,
    name: "Counterpart",
    nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
    rpcUrls: { default: { http: [url] } },
  });
  const options = { chain, transport: http(url), pollingInterval: 20 };
  const writerOf = (account: Address): Writer => createWalletClient({ ...options, account });
  return {
    reader: createPublicClient(options),
    tester: createTestClient({ ...options, mode: "hardhat" }),
    writer: writerOf(FIRST),
    writerOf,
  };
}
