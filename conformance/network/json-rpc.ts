/** JSON-RPC as a tool speaks it, without a library. */

import assert from "node:assert/strict";
import type { TestNode } from "./nodes.ts";

export interface RpcFailure {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

async function post(url: string, method: string, params: readonly unknown[]) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  });
  return (await response.json()) as { readonly result?: unknown; readonly error?: RpcFailure };
}

/** The result of a call that succeeds. */
export async function rpc<T = unknown>(
  { url }: Pick<TestNode, "url">,
  method: string,
  ...params: unknown[]
): Promise<T> {
  const { result, error } = await post(url, method, params);
  assert.equal(error, undefined, `${method}: ${error?.message}`);
  return result as T;
}

/** The error of a call that fails. */
export async function rpcFailure(
  { url }: Pick<TestNode, "url">,
  method: string,
  ...params: unknown[]
): Promise<RpcFailure> {
  const { result, error } = await post(url, method, params);
  assert.ok(error, `${method} answered ${JSON.stringify(result)}`);
  return error;
}
