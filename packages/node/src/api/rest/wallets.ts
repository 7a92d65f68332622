/** Accounts: those that this node signs for, and any other. */

import type { Hex } from "@counterpart/core/base/bytes";
import Type, { type Static } from "typebox";
import type { Snapshot } from "../../engine/types.ts";
import type { Backend } from "../backend.ts";
import type { ApiContext, ApiInstance } from "../context.ts";
import { accountOf } from "../state.ts";
import { AddressSchema, addressOf, DecimalSchema, PROBLEM_RESPONSE, refTo, shownAddress } from "./schemas.ts";

const WalletSchema = Type.Object(
  {
    address: AddressSchema,
    balance: DecimalSchema,
    nonce: Type.Integer({ description: "transactions included" }),
    next_nonce: Type.Integer({ description: "nonce of the next transaction, pending ones counted" }),
    held: Type.Boolean({ description: "this node signs for it" }),
    own: Type.Boolean({ description: "the node's own account, the default sender" }),
  },
  { $id: "Wallet" },
);

function walletToJson({ engine, keys }: Backend, snapshot: Snapshot, address: Hex): Static<typeof WalletSchema> {
  const { balance, nonce } = accountOf(snapshot, address);
  return {
    address: shownAddress(address),
    balance: balance.toString(),
    nonce: Number(nonce),
    next_nonce: Number(engine.isReplica ? nonce : engine.pool.nextNonce(address)),
    held: keys.holds(address),
    own: keys.own === address,
  };
}

export function registerWallets(server: ApiInstance, { backend }: ApiContext): void {
  const { engine, keys } = backend;
  server.addSchema(WalletSchema);

  server.post(
    "/wallets",
    {
      schema: {
        operationId: "createWallet",
        tags: ["wallets"],
        summary: "Make a new account that this node signs for",
        body: Type.Object({}, { additionalProperties: false }),
        response: { 201: Type.Object({ address: AddressSchema }), default: PROBLEM_RESPONSE },
      },
    },
    async (_request, reply) => {
      const address = shownAddress(await keys.create());
      return reply.code(201).header("location", `/api/v1/wallets/${address}`).send({ address });
    },
  );

  server.get(
    "/wallets",
    {
      schema: {
        operationId: "listWallets",
        tags: ["wallets"],
        summary: "The accounts that this node signs for",
        response: { 200: Type.Object({ wallets: Type.Array(refTo(WalletSchema)) }), default: PROBLEM_RESPONSE },
      },
    },
    async () => ({
      wallets: await engine.read((snapshot) =>
        keys.accounts().map((address) => walletToJson(backend, snapshot, address)),
      ),
    }),
  );

  server.get(
    "/wallets/:address",
    {
      schema: {
        operationId: "getWallet",
        tags: ["wallets"],
        summary: "Any account's balance and nonces",
        params: Type.Object({ address: AddressSchema }),
        response: { 200: refTo(WalletSchema), default: PROBLEM_RESPONSE },
      },
    },
    ({ params }) => {
      const address = addressOf(params.address, "address");
      return engine.read((snapshot) => walletToJson(backend, snapshot, address));
    },
  );
}
