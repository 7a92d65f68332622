import assert from "node:assert/strict";
import { test } from "node:test";
import { createMetricsRegistry } from "../telemetry/metrics.ts";
import { openTestApi } from "./fake-backend.test-support.ts";

test("GET /metrics shows what the node counts, problems of the API among it", async () => {
  const api = await openTestApi({ metrics: createMetricsRegistry(false) });
  await api.get("/api/v1/nothing");
  await api.get("/api/v1/nothing");
  const { status, headers, text } = await api.get("/metrics");
  assert.equal(status, 200);
  assert.match(String(headers["content-type"]), /^text\/plain; version=0\.0\.4/);
  assert.match(text, /^counterpart_api_problems_total\{code="ROUTE_NOT_FOUND"\} 2$/m);
  assert.match(text, /^# TYPE counterpart_api_cut_streams_total counter$/m);
});

test("GET /metrics is refused to pages of other origins and under foreign names, like every GET", async () => {
  const api = await openTestApi({ metrics: createMetricsRegistry(false) });
  for (const headers of [{ origin: "http://evil.example" }, { host: "evil.example" }]) {
    const { status, json } = await api.get("/metrics", headers as Record<string, string>);
    assert.deepEqual([status, json.code], [403, "HOST_NOT_ALLOWED"]);
  }
});
