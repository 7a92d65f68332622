import assert from "node:assert/strict";
import { test } from "node:test";
import { isCodedError } from "@counterpart/core/base/errors";
import { networkKeyText } from "./network-key.ts";
import { type PrivateNetworkFiles, readPrivateNetwork } from "./private-network.ts";

const A = "12D3KooWRBhwfeP2Y4TCx1SM6s9rUoHhR5STiGwxBhgFRcw3UERE";
const B = "12D3KooWKnDdG3iXw9eTFijk3EWSunZcFi54Zka4wmtqtt6rPxc8";
const KEY = new Uint8Array(32).fill(9);

const FILES: Readonly<Record<string, string>> = {
  "/key": networkKeyText(KEY),
  "/list": `# the founders\n${A}\r\n\n  ${B}   # of the second machine\n`,
  "/empty": "",
  "/wrong": `${A}\nnobody\n`,
  "/huge": "#".repeat(1_000_001),
};

const readFile = (path: string): string => {
  const text = FILES[path];
  if (text === undefined) throw new Error(`ENOENT: ${path}`);
  return text;
};
const read = (files: Partial<PrivateNetworkFiles>) =>
  readPrivateNetwork({ allowPeers: [], peer: [], ...files }, readFile);
const refused = (message: RegExp) => (error: unknown) =>
  isCodedError(error, "INVALID_CONFIG") && message.test(error.message);

test("nothing given is an open network", () => {
  assert.deepEqual(read({}), {});
});

test("the key comes from its file, peers from the flag and from a file", () => {
  assert.deepEqual(read({ networkKey: "/key" }), { networkKey: KEY });
  assert.deepEqual(read({ allowPeers: [A] }), { allowedPeers: new Set([A]) });
  assert.deepEqual(read({ allowPeersFile: "/list" }), { allowedPeers: new Set([A, B]) });
  assert.deepEqual(read({ allowPeers: [B], allowPeersFile: "/list" }), { allowedPeers: new Set([B, A]) });
});

test("a file without a peer allows nobody, which is not the same as no file", () => {
  assert.deepEqual(read({ allowPeersFile: "/empty" }), { allowedPeers: new Set() });
});

test("a file that is missing, too large or wrong is refused by the name of its flag", () => {
  assert.throws(() => read({ networkKey: "/none" }), refused(/^--network-key \/none cannot be read: ENOENT/));
  assert.throws(() => read({ networkKey: "/list" }), refused(/^--network-key \/list: this is no network key/));
  assert.throws(() => read({ allowPeersFile: "/none" }), refused(/^--allow-peers-file \/none cannot be read/));
  assert.throws(() => read({ allowPeersFile: "/wrong" }), refused(/line 2 is no peer id/));
  assert.throws(() => read({ allowPeersFile: "/huge" }), refused(/too large/));
});

test("a peer that is to be dialled and is not allowed is a mistake", () => {
  const peer = [`/ip4/10.0.0.1/tcp/5000/p2p/${B}`];
  assert.throws(() => read({ peer, allowPeers: [A] }), refused(/not among those that are allowed/));
  assert.deepEqual(read({ peer, allowPeers: [B] }).allowedPeers, new Set([B]));
  assert.deepEqual(read({ peer: ["10.0.0.1:5000"], allowPeers: [A] }).allowedPeers, new Set([A]));
  assert.throws(() => read({ peer: ["10.0.0.1"] }), refused(/^--peer 10\.0\.0\.1: /));
});
