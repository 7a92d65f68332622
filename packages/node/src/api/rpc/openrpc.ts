/** What the node answers over JSON-RPC, as an OpenRPC document: `rpc.discover`. Source: spec.open-rpc.org, 1.3.2. */

import type { RpcMethod } from "./dispatch.ts";
import { ACCOUNT_DOCUMENTS } from "./documents/accounts.ts";
import { CHAIN_DOCUMENTS } from "./documents/chain.ts";
import { DEVELOPMENT_DOCUMENTS } from "./documents/development.ts";
import { EXECUTION_DOCUMENTS } from "./documents/execution.ts";
import type { MethodDocuments } from "./documents/method-document.ts";
import { NODE_DOCUMENTS } from "./documents/node.ts";
import { SCHEMAS } from "./documents/schemas.ts";
import { STATE_DOCUMENTS } from "./documents/state.ts";
import { STREAM_DOCUMENTS } from "./documents/streams.ts";
import { defineMethod } from "./params.ts";

/** Every method that a node may have. Which of them one has is for `rpc.discover` to say. */
export const METHOD_DOCUMENTS: MethodDocuments = {
  ...NODE_DOCUMENTS,
  ...ACCOUNT_DOCUMENTS,
  ...CHAIN_DOCUMENTS,
  ...STATE_DOCUMENTS,
  ...EXECUTION_DOCUMENTS,
  ...STREAM_DOCUMENTS,
  ...DEVELOPMENT_DOCUMENTS,
};

/** The document of these methods, in the order of their names; what is not documented is not in it. */
export function openRpcDocument(names: Iterable<string>, version: string) {
  const documented = [...names].filter((name) => Object.hasOwn(METHOD_DOCUMENTS, name)).sort();
  return {
    openrpc: "1.3.2",
    info: { title: "Counterpart JSON-RPC API", version, license: { name: "Apache-2.0" } },
    methods: documented.map((name) => ({ name, paramStructure: "by-position", ...METHOD_DOCUMENTS[name] })),
    components: { schemas: SCHEMAS },
  };
}

/** `rpc.discover` for these methods, and itself. */
export function discoverMethod(names: readonly string[], version: string): RpcMethod {
  const document = openRpcDocument([...names, "rpc.discover"], version);
  return defineMethod([], () => document);
}
