/**
 * `eth_subscribe` and `eth_unsubscribe` of one connection, as go-ethereum has them. What a subscription tells follows the
 * answer that has its id, however long that takes.
 */

import type { Hex } from "@counterpart/core/base/bytes";
import type { ChainEngine } from "../../engine/types.ts";
import type { JsonValue } from "../json.ts";
import type { RpcMethod } from "../rpc/dispatch.ts";
import { invalidParams, RPC_CODES, RpcError, serverError, tooMuchAtOnce } from "../rpc/errors.ts";
import { readLogQuery } from "../rpc/logs.ts";
import { defineMethod, optional, readBoolean, required } from "../rpc/params.ts";
import type { ChainFeed } from "./chain-feed.ts";
import { logTopicOf, requireExecution } from "./log-topic.ts";
import { createStreamId, readStreamId } from "./stream-id.ts";
import type { Topic } from "./topics.ts";

/** What all connections share. */
export interface SubscriptionRoom {
  readonly max: number;
  readonly maxOfConnection: number;
  used: number;
}

export interface SubscriptionDeps {
  readonly engine: ChainEngine;
  readonly feed: ChainFeed;
  readonly room: SubscriptionRoom;
  /** Sends a notification's text. */
  readonly send: (text: string) => void;
  /** A follower missed something: its connection ends. */
  readonly lose: () => void;
}

interface Subscription {
  /** What was told before the answer with the id was sent; undefined afterwards. */
  early: string[] | undefined;
  end(): void;
}

/** The subscriptions that one message opens. */
export interface Opening {
  readonly methods: ReadonlyMap<string, RpcMethod>;
  /** To be called when the message's answer was sent. */
  answered(): void;
}

export interface Subscriptions {
  opening(): Opening;
  close(): void;
}

/** Characters of notifications that wait for the answers with their ids: a batch may take a while. */
const EARLY_CHARACTERS_MAX = 4 * 1024 * 1024;

const NAME = required<string>((value: JsonValue) => value as string);

/** Topics by the name of their subscription, from the whole parameters. */
function topicsFor(engine: ChainEngine, begin: (topic: Topic) => Hex): Readonly<Record<string, RpcMethod>> {
  return {
    newHeads: defineMethod([NAME], () => begin({ kind: "heads" })),
    logs: defineMethod([NAME, required(readLogQuery)], (_name, query) => {
      requireExecution(engine, "logs");
      return begin(logTopicOf(query));
    }),
    newPendingTransactions: defineMethod([NAME, optional(readBoolean, false)], (_name, full) => {
      requireExecution(engine, "pending transactions");
      return begin({ kind: "pending", full });
    }),
    syncing: defineMethod([NAME], () => begin({ kind: "syncing" })),
  };
}

export function createSubscriptions({ engine, feed, room, send, lose }: SubscriptionDeps): Subscriptions {
  const subscriptions = new Map<string, Subscription>();
  let earlyCharacters = 0;
  /** What was asked before it is answered afterwards all the same, and nobody would end what that opens. */
  let isClosed = false;

  const end = (id: string): boolean => {
    const subscription = subscriptions.get(id);
    if (subscription === undefined) return false;
    subscription.end();
    room.used--;
    return subscriptions.delete(id);
  };
  const begin = (topic: Topic, opened: Subscription[]): Hex => {
    if (isClosed) throw serverError("the connection is closed");
    if (subscriptions.size >= room.maxOfConnection) {
      throw tooMuchAtOnce(`a connection may have ${room.maxOfConnection} subscriptions`);
    }
    if (room.used >= room.max) throw tooMuchAtOnce(`this node serves ${room.max} subscriptions already`);
    const id = createStreamId();
    const prefix = `{"jsonrpc":"2.0","method":"eth_subscription","params":{"subscription":"${id}","result":`;
    const subscription: Subscription = { early: [], end: () => {} };
    subscription.end = feed.follow(topic, {
      deliver({ text }) {
        const notification = `${prefix}${text}}}`;
        if (subscription.early === undefined) send(notification);
        else {
          subscription.early.push(notification);
          earlyCharacters += notification.length;
          if (earlyCharacters > EARLY_CHARACTERS_MAX) lose();
        }
      },
      lose,
    });
    subscriptions.set(id, subscription);
    opened.push(subscription);
    room.used++;
    return id;
  };
  const subscribe = (params: readonly JsonValue[], opened: Subscription[]): unknown => {
    const [name] = params;
    if (typeof name !== "string") throw invalidParams("expected subscription name as first argument");
    const topics = topicsFor(engine, (topic) => begin(topic, opened));
    const open = Object.hasOwn(topics, name) ? topics[name] : undefined;
    if (open !== undefined) return open(params);
    const shown = JSON.stringify(name.slice(0, 100));
    throw new RpcError(RPC_CODES.methodNotFound, `no ${shown} subscription in eth namespace`);
  };
  const unsubscribe = defineMethod([required(readStreamId)], (id) => {
    if (!end(id)) throw serverError("subscription not found");
    return true;
  });
  return {
    opening() {
      const opened: Subscription[] = [];
      return {
        methods: new Map<string, RpcMethod>([
          ["eth_subscribe", (params) => subscribe(params, opened)],
          ["eth_unsubscribe", unsubscribe],
        ]),
        answered() {
          for (const subscription of opened) {
            const early = subscription.early ?? [];
            subscription.early = undefined;
            for (const text of early) {
              earlyCharacters -= text.length;
              send(text);
            }
          }
        },
      };
    },
    close() {
      isClosed = true;
      for (const id of [...subscriptions.keys()]) end(id);
    },
  };
}

/** The same two over HTTP, where nothing can be told. */
export const withoutSubscriptions: Record<string, RpcMethod> = {
  eth_subscribe: Object.assign(
    () => {
      throw new RpcError(RPC_CODES.methodNotFound, "notifications not supported");
    },
    { takes: [{ isRequired: true }, { isRequired: false }] },
  ),
  eth_unsubscribe: defineMethod([required(readStreamId)], () => {
    throw serverError("subscription not found");
  }),
};
