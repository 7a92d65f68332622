/** Asks a node that serves the imported chain of execution-apis every recorded request, over HTTP. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assertDocumentedResult } from "../../packages/node/src/api/rpc/documented-results.test-support.ts";
import { METHOD_DOCUMENTS } from "../../packages/node/src/api/rpc/openrpc.ts";
import { createApp } from "../../packages/node/src/app.ts";
import { importChain } from "../../packages/node/src/cli/import.ts";
import { CONFIG_DEFAULTS } from "../../packages/node/src/config.ts";
import { createLogger } from "../../packages/node/src/telemetry/logger.ts";
import { check, describeError, type Report, runCase } from "../suite.ts";
import { isObject, type Json } from "../vector-files.ts";
import { differencesOf, formFault } from "./rpc-answers.ts";
import { listRpcCases, type RpcCase, readRpcCase } from "./rpc-cases.ts";
import { EXCEPTIONS } from "./rpc-exceptions.ts";

const ANSWER_MS_MAX = 60_000;

async function ask(url: string, request: string): Promise<Json> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: request,
    signal: AbortSignal.timeout(ANSWER_MS_MAX),
  });
  return (await response.json()) as Json;
}

/** Ends the case with what is wrong with an answer: it must be the recorded one, and what the node documents. */
function checkAnswer({ method, isFormOnly }: RpcCase, given: Json, wanted: Json): void {
  const hasResult = isObject(given) && given.error === undefined;
  if (hasResult && Object.hasOwn(METHOD_DOCUMENTS, method)) assertDocumentedResult(method, given.result);
  if (isFormOnly && hasResult && isObject(wanted)) {
    const fault = formFault("result", given.result ?? null, wanted.result ?? null);
    check(fault === undefined, fault ?? "");
    return;
  }
  const found = differencesOf(given, wanted);
  check(found.length === 0, found.join("; "));
}

async function play(url: string, rpcCase: RpcCase): Promise<void> {
  for (const { request, answer } of rpcCase.exchanges) checkAnswer(rpcCase, await ask(url, request), answer);
}

/** A case that is excused must fail. */
async function playExcused(url: string, folder: string, id: string, reason: string, report: Report): Promise<void> {
  const failure = await play(url, readRpcCase(folder, id)).then(() => undefined, describeError);
  if (failure === undefined) report.fail(id, `it passes, and is excused: ${reason}`);
  else report.skip(id, reason);
}

/** @param url where JSON-RPC is served */
async function playAll(url: string, folder: string, ids: readonly string[], report: Report): Promise<void> {
  for (const id of ids) {
    const reason = Object.hasOwn(EXCEPTIONS, id) ? EXCEPTIONS[id] : undefined;
    if (reason === undefined) await runCase(report, id, () => play(url, readRpcCase(folder, id)));
    else await playExcused(url, folder, id, reason, report);
  }
}

/** Imports the chain into a data directory of its own, starts a node on it, and plays every case of the folder. */
export async function runRpcCases(folder: string, report: Report): Promise<void> {
  const ids = listRpcCases(folder);
  if (ids.length === 0) return;
  const dataDir = mkdtempSync(join(tmpdir(), "counterpart-rpc-"));
  const [genesis, file] = [join(folder, "genesis.json"), join(folder, "chain.rlp")];
  try {
    const output = { print: () => {}, now: () => performance.now(), isStopped: () => false };
    await importChain({ genesis, file, dataDir }, output);
    const config = { ...CONFIG_DEFAULTS, apiPort: 0, dataDir, genesis };
    const app = await createApp(config, { logger: createLogger({ level: "silent", format: "json" }) });
    const { api } = await app.start();
    try {
      await playAll(api, folder, ids, report);
    } finally {
      await app.stop();
    }
  } catch (error) {
    report.fail("node", `it does not serve the chain: ${describeError(error)}`);
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}
