/**
 * GeneralStateTests of ethereum/tests: a state, a transaction with alternatives, and by fork the root and the logs that
 * each leads to, or that it must be refused.
 */

import { encodeLogs } from "@counterpart/core/chain/receipt";
import { keccak256Hex } from "@counterpart/core/crypto/crypto";
import { createExecutor, type EvmExecutor } from "@counterpart/core/execution/executor";
import { FORKS, type Fork } from "@counterpart/core/execution/fork";
import { check, describeError, type Report, runCase, type Suite } from "../suite.ts";
import { type JsonObject, readVectors, type Vector } from "../vector-files.ts";
import { forkNamed } from "./forks.ts";
import { listOf, objectOf } from "./json-fields.ts";
import { type StateBefore, stateBefore } from "./state-before.ts";
import { blockOf, type Post, postOf, transactionOf } from "./state-vector.ts";

/** The main network's, for which the vectors' transactions are signed. */
const CHAIN_ID = 1;

type Executors = ReadonlyMap<Fork, EvmExecutor>;

export const stateTests: Suite = {
  name: "GeneralStateTests",
  async run(folder, report) {
    const executors = new Map(FORKS.map((fork) => [fork, createExecutor({ chainId: CHAIN_ID, fork })]));
    for (const vector of readVectors(folder)) await runVector(vector, executors, report);
  },
};

/** What the cases of a vector share. */
interface Scene {
  readonly env: JsonObject;
  readonly transaction: JsonObject;
  readonly state: StateBefore;
}

/** A vector without its cases is a failure, and so is one that has none. */
async function runVector({ id, content }: Vector, executors: Executors, report: Report): Promise<void> {
  let scene: Scene;
  let posts: [string, Post][];
  try {
    const { env, transaction, pre, post } = objectOf(content, "the vector");
    scene = {
      env: objectOf(env, "env"),
      transaction: objectOf(transaction, "transaction"),
      state: stateBefore(objectOf(pre, "pre")),
    };
    posts = postsOf(objectOf(post, "post"));
  } catch (error) {
    report.fail(id, describeError(error));
    return;
  }
  for (const [name, post] of posts) {
    const { data, gas, value } = post.indexes;
    const caseId = `${id} (${name}, data ${data}, gas ${gas}, value ${value})`;
    const fork = forkNamed(name);
    if (fork === undefined) report.skip(caseId, `there is no fork ${name}`);
    else await runCase(report, caseId, () => checkCase(scene, post, fork, executors.get(fork) as EvmExecutor));
  }
}

function postsOf(byFork: JsonObject): [string, Post][] {
  const posts = Object.entries(byFork).flatMap(([name, list]) =>
    listOf(list, name).map((post): [string, Post] => [name, postOf(post)]),
  );
  check(posts.length > 0, "it has no cases");
  return posts;
}

async function checkCase({ env, transaction, state }: Scene, post: Post, fork: Fork, executor: EvmExecutor) {
  const block = blockOf(env, fork);
  const execution = await executor.begin(block, state);
  const outcome = await execution.run(transactionOf(transaction, post.indexes));
  if (post.isRefused) check(!outcome.valid, "run, though it must be refused");
  else check(outcome.valid, outcome.valid ? "" : `refused: ${outcome.message}`);
  // The vectors' blocks have a reward of nothing: before empty accounts were cleared it made the coinbase exist.
  execution.credit(block.coinbase, 0n);
  const root = state.rootAfter(execution.finish());
  check(root === post.root, `the state's root is ${root}`);
  const logsHash = keccak256Hex(encodeLogs(outcome.valid ? outcome.logs : []));
  check(logsHash === post.logsHash, `the hash of the logs is ${logsHash}`);
}
