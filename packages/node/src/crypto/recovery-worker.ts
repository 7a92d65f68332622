/** A thread that recovers signers for the main one. What it is sent and what it answers: `sender-recovery.ts`. */

import { parentPort } from "node:worker_threads";
import { useCrypto } from "@counterpart/core/crypto/crypto";
import { createNativeSigning } from "./native.ts";
import { recoverPacked } from "./packed-signatures.ts";

const native = await createNativeSigning();
useCrypto(native);
parentPort?.on("message", (packed: Uint8Array) => {
  const answer = recoverPacked(packed);
  parentPort?.postMessage(answer, [answer.buffer]);
});
parentPort?.postMessage({ fallbacks: native.fallbacks });
