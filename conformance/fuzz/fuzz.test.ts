/** A sample of what `npm run fuzz` does, small enough for every run of the tests. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { OpenApiDocument } from "../../packages/node/src/api/documented.test-support.ts";
import { ProcessNodes } from "../processes/process-node.ts";
import { type ApiOperation, operationsOf } from "./document.ts";
import { judge } from "./judge.ts";
import type { FuzzRequest } from "./requests.ts";
import { fuzz, type Result } from "./run.ts";

const CASES = 250;
/** A node that has started takes less than half of it. */
const MEMORY_MIB_MAX = 640;

const nodes = new ProcessNodes();
let result: Result;
let document: OpenApiDocument;

before(async () => {
  const node = await nodes.start("fuzzed", { flags: ["--dev"] });
  result = await fuzz({ node, seed: 4, cases: CASES });
  document = (await (await fetch(`${node.api}/docs/json`)).json()) as OpenApiDocument;
});

after(() => nodes[Symbol.asyncDispose]());

test("requests made from the OpenAPI document and then spoilt are answered as documented, and act only when accepted", () => {
  assert.deepEqual(result.failures, []);
  const { peak } = result.memory;
  assert.ok(peak < MEMORY_MIB_MAX, `the node has taken ${peak} MiB`);
});

test("the sample reaches every operation, accepts some requests and refuses others for many reasons", () => {
  const outcomes = [...result.outcomes.keys()];
  const reached = new Set(outcomes.map((outcome) => outcome.split(" ", 1)[0]));
  for (const { id } of operationsOf(document)) {
    if (!RARE.has(id)) assert.ok(reached.has(id), `${id} was not asked for`);
  }
  for (const id of [
    "deployContract",
    "executeContract",
    "callContract",
    "putArtifact",
    "submitTransaction",
    "jsonRpc",
  ]) {
    assert.ok(
      outcomes.some((outcome) => new RegExp(`^${id} \\w+: 20[0-2]`).test(outcome)),
      `no request for ${id} was accepted`,
    );
  }
  const codes = new Set(outcomes.flatMap((outcome) => /: 4\d\d (\w+)$/.exec(outcome)?.[1] ?? []));
  assert.ok(codes.size >= 15, [...codes].join(" "));
});

/** Asked for too seldom to be in every sample. */
const RARE: ReadonlySet<string> = new Set(["getHealth", "getReady", "createWallet"]);

const REQUEST: FuzzRequest = { fault: "body", method: "POST", target: "/api/v1/contracts", headers: [] };
const DEPLOY = (): ApiOperation => operationsOf(document).find(({ id }) => id === "deployContract") as ApiOperation;

function verdictOn(status: number, body: unknown, type = "application/problem+json", request = REQUEST) {
  const answer = { status, headers: { "content-type": type }, body: Buffer.from(JSON.stringify(body)) };
  return () => judge({ document, operation: DEPLOY(), request }, answer);
}

const PROBLEM = {
  ...{ type: "urn:counterpart:error:INVALID_REQUEST", title: "t", status: 400, detail: "d", code: "INVALID_REQUEST" },
  ...{ instance: "/api/v1/contracts", request_id: "1" },
};

test("an answer that must not be is seen", () => {
  assert.deepEqual(verdictOn(400, PROBLEM)(), { outcome: "400 INVALID_REQUEST", mayHaveActed: false });
  assert.throws(verdictOn(500, { ...PROBLEM, status: 500 }), /status 500/);
  assert.throws(verdictOn(400, PROBLEM, "application/json"));
  assert.throws(verdictOn(422, PROBLEM));
  assert.throws(verdictOn(400, { ...PROBLEM, code: "OTHER" }), /OTHER is not in the catalogue/);
  assert.throws(verdictOn(422, { ...PROBLEM, status: 422 }));
  assert.throws(verdictOn(400, { ...PROBLEM, request_id: undefined }), /request_id/);
  const accepted = { transaction_hash: `0x${"00".repeat(32)}`, block_hash: `0x${"00".repeat(32)}`, status: "reverted" };
  const good = { ...REQUEST, body: Buffer.from('{"contract_type":"token","name":"a","symbol":"b"}') };
  assert.equal(verdictOn(200, accepted, "application/json", good)().mayHaveActed, true);
  assert.throws(verdictOn(200, { ...accepted, more: 1 }, "application/json", good), /more/);
  const unknownField = { ...REQUEST, body: Buffer.from('{"contract_type":"token","name":"a","symbol":"b","more":1}') };
  assert.throws(verdictOn(200, accepted, "application/json", unknownField), /does not allow/);
  const malformed = { ...REQUEST, body: Buffer.from('{"contract_type":') };
  assert.throws(verdictOn(200, accepted, "application/json", malformed), /no JSON/);
});
