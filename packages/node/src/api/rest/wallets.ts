/** Accounts: those that this node signs for, and any other. */

import type { Hex } from "@counterpart/core/base/bytes";
import { isCodedError } from "@counterpart/core/base/errors";
import Type, { type Static } from "typebox";
import type { Snapshot } from "../../engine/types.ts";
import type { Backend } from "../backend.ts";
import type { ApiContext, ApiInstance } from "../context.ts";
import { accountOf } from "../state.ts";
import { AddressSchema, addressOf, DecimalSchema, nullable, PROBLEM_RESPONSE, refTo, shownAddress } from "./schemas.ts";

const NonceSchema = Type.Integer({ description: "transactions included" });
const NextNonceSchema = Type.Integer({ description: "nonce of the next transaction, pending ones counted" });
const KEY_FIELDS = {
  held: Type.Boolean({ description: "this node signs for it" }),
  own: Type.Boolean({ description: "the node's own account, the default sender" }),
};

const WalletSchema = Type.Object(
  { address: AddressSchema, balance: DecimalSchema, nonce: NonceSchema, next_nonce: NextNonceSchema, ...KEY_FIELDS },
  { $id: "Wallet" },
);

const ListedWalletSchema = Type.Object(
  {
    address: AddressSchema,
    balance: nullable(DecimalSchema),
    nonce: nullable(NonceSchema),
    next_nonce: nullable(NextNonceSchema),
    ...KEY_FIELDS,
  },
  {
    $id: "ListedWallet",
    description:
      "as Wallet; balance and nonces are null where a replica does not hold them and no peer proves them, and while a " +
      "state is taken over",
  },
);

const keyToJson = ({ keys }: Backend, address: Hex) => ({
  held: keys.holds(address),
  own: keys.own === address,
});

function walletToJson(backend: Backend, snapshot: Snapshot, address: Hex): Static<typeof WalletSchema> {
  const { engine } = backend;
  const { balance, nonce } = accountOf(snapshot, address);
  return {
    address: shownAddress(address),
    balance: balance.toString(),
    nonce: Number(nonce),
    next_nonce: Number(engine.isReplica ? nonce : engine.pool.nextNonce(address)),
    ...keyToJson(backend, address),
  };
}

/** Whom the node signs for it knows by itself, whatever of the state it holds. */
async function ownWallets(backend: Backend): Promise<Static<typeof ListedWalletSchema>[]> {
  const addresses = backend.keys.accounts();
  try {
    return await backend.engine.read((snapshot) => addresses.map((at) => walletToJson(backend, snapshot, at)));
  } catch (error) {
    if (!isCodedError(error, "NOT_HELD") && !isCodedError(error, "NOT_READY")) throw error;
    const unknown = { balance: null, nonce: null, next_nonce: null };
    return addresses.map((at) => ({ address: shownAddress(at), ...unknown, ...keyToJson(backend, at) }));
  }
}

export function registerWallets(server: ApiInstance, { backend }: ApiContext): void {
  const { engine, keys } = backend;
  server.addSchema(WalletSchema);
  server.addSchema(ListedWalletSchema);

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
        response: { 200: Type.Object({ wallets: Type.Array(refTo(ListedWalletSchema)) }), default: PROBLEM_RESPONSE },
      },
    },
    async () => ({ wallets: await ownWallets(backend) }),
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
