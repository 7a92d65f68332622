/** The methods that `--dev` adds on a chain on which anyone may seal, and senders that need no signature. */

import { CodedError } from "@counterpart/core/base/errors";
import { impersonate } from "@counterpart/core/chain/transaction";
import type { Clock } from "@counterpart/core/ports/runtime";
import type { DevelopmentNode } from "../../../driver/development-node.ts";
import type { KeyRing } from "../../../keys/types.ts";
import type { Backend } from "../../backend.ts";
import { heldKeys, type Signing } from "../account-methods.ts";
import type { RpcMethod } from "../dispatch.ts";
import { withAnvilNames } from "./anvil-names.ts";
import { miningMethods } from "./mining-methods.ts";
import { dumpMethods } from "./state-dump.ts";
import { changingMethods } from "./state-methods.ts";

/** The same method, which has nothing to say. */
function silent(method: RpcMethod): RpcMethod {
  const run = async (params: Parameters<RpcMethod>[0]): Promise<null> => {
    await method(params);
    return null;
  };
  return Object.assign(run, { takes: method.takes });
}

export function developmentMethods(backend: Backend, clock: Clock): Record<string, RpcMethod> {
  const { engine, development: node } = backend;
  if (node === undefined) return {};
  const methods = {
    ...miningMethods({ engine, node, clock }),
    ...changingMethods({ backend, node }),
    ...dumpMethods(node, clock),
  };
  return withAnvilNames(methods, silent);
}

/** Held keys sign; what impersonated accounts send is not signed, and detaches the chain. */
export function developmentSigning(keys: KeyRing, node: DevelopmentNode): Signing {
  const held = heldKeys(keys);
  return {
    // Tools take the first one for the sender: those that the genesis funds.
    accounts: () => [...new Set([...(keys.lent ?? []), ...held.accounts(), ...node.impersonated()])],
    requireSender(from) {
      if (!node.impersonates(from)) held.requireSender(from);
    },
    sign(transaction, from) {
      if (keys.holds(from)) return held.sign(transaction, from);
      if (!node.impersonates(from)) throw new CodedError("FROM_NOT_HELD", `${from} is impersonated no more`, { from });
      node.leave("eth_sendTransaction of an impersonated account");
      return impersonate(transaction, from);
    },
  };
}
