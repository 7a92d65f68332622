import assert from "node:assert/strict";
import { test } from "node:test";
import { CodedError } from "@counterpart/core/base/errors";
import { bansAtOnce, type Fault } from "@counterpart/core/sync/scores";
import { noteFailure } from "./block-fetch.ts";
import type { Peers } from "./peers.ts";
import type { Session } from "./session.ts";

test("a failed request is blamed as it deserves: a wrong proof with a ban, a lost peer not at all", () => {
  const session = { batch: 8 } as Session;
  const cases: readonly (readonly [CodedError, Fault | undefined])[] = [
    [new CodedError("INVALID_PROOF", "a gap"), "FORGED_PROOF"],
    [new CodedError("BAD_MESSAGE", "other content", { fault: "FORGED_CONTENT" }), "FORGED_CONTENT"],
    [new CodedError("BAD_MESSAGE", "no progress"), "WRONG_REPLY"],
    [new CodedError("INVALID_RLP", "garbage"), "WRONG_REPLY"],
    [new CodedError("REQUEST_TIMEOUT", "silence"), "TIMEOUT"],
    [new CodedError("PEER_ERROR", "PRUNED"), undefined],
    [new CodedError("PEER_DISCONNECTED", "gone"), undefined],
  ];
  for (const [error, expected] of cases) {
    const faults: Fault[] = [];
    const peers = { penalise: (_: Session, fault: Fault) => faults.push(fault) } as unknown as Peers;
    noteFailure(peers, session, error);
    assert.deepEqual(faults, expected === undefined ? [] : [expected], error.message);
  }
  assert.equal(bansAtOnce("FORGED_PROOF"), true);
  assert.equal(session.batch, 4, "a slow peer is asked for less");
});
