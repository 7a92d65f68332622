import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import type { Hex } from "@counterpart/core/base/bytes";
import type { ErrorCode } from "@counterpart/core/base/error-catalogue";
import { type CodedError, isCodedError } from "@counterpart/core/base/errors";
import { TX_GAS_MAX } from "@counterpart/core/chain/rules";
import { MULTICALL3_ADDRESS } from "@counterpart/core/chain/system-contracts";
import { accountOf, chainOf, creationOf, sealAll, transactionOf } from "../engine/engine.test-support.ts";
import {
  type Compiled,
  compile,
  LAB_SOURCE,
  number,
  openTestNode,
  pending,
  requireIncluded,
  type TestNode,
} from "./contracts.test-support.ts";

let lab: ReturnType<typeof compile>;
before(() => {
  lab = compile(LAB_SOURCE);
});

async function failure(code: ErrorCode, work: Promise<unknown>): Promise<CodedError> {
  let found: CodedError | undefined;
  await assert.rejects(work, (error) => {
    assert.ok(isCodedError(error, code), String(error));
    found = error;
    return true;
  });
  assert.ok(found);
  return found;
}

async function deployed({ service }: TestNode, contract: Compiled, args: readonly string[] = []): Promise<Hex> {
  const result = await service.deploy({ contractType: "custom", ...contract, args });
  return requireIncluded(result).address;
}

describe("executing a function", () => {
  it("answers with block, decoded result and decoded events", async () => {
    const node = openTestNode();
    const address = await deployed(node, lab("Lab"), ["42"]);
    const done = requireIncluded(
      await node.service.execute(address, { function: "set", params: { next: number("7") } }),
    );
    assert.equal(done.status, "success");
    assert.equal(done.result, "42");
    assert.equal(done.blockNumber, 2);
    assert.deepEqual(
      done.logs.map(({ event, args }) => ({ event, args })),
      [{ event: "Set", args: { by: node.keys.own, value: "7" } }],
    );
    const status = node.engine.transaction(done.transactionHash);
    assert.equal(status?.status, "included");
    assert.deepEqual(
      await node.service.decodeLogs(status.receipt.logs),
      done.logs,
      "whoever asks later reads the same",
    );
    assert.equal(await node.service.call(address, { function: "value" }), "7");
  });

  it("uses gas for what it needs, with room to spare and within the limits of a transaction", async () => {
    const node = openTestNode();
    const address = await deployed(node, lab("Lab"), ["42"]);
    const gasLimitOf = async (name: string, params: readonly string[]): Promise<number> => {
      const { transactionHash } = await node.service.execute(address, { function: name, params });
      return Number(node.engine.transaction(transactionHash)?.transaction.gasLimit);
    };
    assert.equal(await gasLimitOf("set", ["1"]), 1_000_000);
    // 100 new slots of 22,100 gas: more than is tried first, far less than the greatest limit.
    const used = await gasLimitOf("fill", ["100"]);
    assert.ok(used > 2_300_000 && used < 4_000_000, `${used}`);
    assert.equal(await gasLimitOf("needsGas", []), TX_GAS_MAX);
    assert.equal(await node.service.call(address, { function: "value" }), "1");
  });

  it("decodes reverts and sends nothing", async () => {
    const node = openTestNode();
    const address = await deployed(node, lab("Lab"), ["42"]);
    const execute = (name: string, params: readonly string[]) =>
      node.service.execute(address, { function: name, params });
    const custom = await failure("EXECUTION_REVERTED", execute("set", ["1001"]));
    assert.equal(custom.message, "the execution reverts: TooMuch(1001, 1000)");
    assert.equal(custom.details.error, "TooMuch");
    assert.deepEqual(custom.details.args, { given: "1001", allowed: "1000" });
    const panic = await failure("EXECUTION_REVERTED", execute("divide", ["0"]));
    assert.equal(panic.details.reason, "Panic(0x12): division or modulo by zero");
    const halt = await failure("EXECUTION_HALTED", execute("halt", []));
    assert.match(String(halt.details.halt), /invalid/);
    assert.equal(node.engine.head().number, 1);
    assert.equal(node.engine.pool.pending, 0);
  });

  it("is a result, not an error, when the revert comes only with the block", async () => {
    const { engine, service } = openTestNode({ sealing: false });
    const deploying = service.deploy({ contractType: "token", name: "T", symbol: "T", initialSupply: "10" });
    await pending(engine, 1);
    await engine.seal();
    const { address } = requireIncluded(await deploying);
    // Both simulations see the whole balance; only the first to be executed finds it.
    const transfer = { function: "transfer", params: { to: accountOf(2), value: "10" } };
    const both = [service.execute(address, transfer), service.execute(address, transfer)];
    await pending(engine, 2);
    await engine.seal();
    const [first, second] = (await Promise.all(both)).map(requireIncluded);
    assert.equal(first?.status, "success");
    assert.equal(first.result, true);
    assert.equal(second?.status, "reverted");
    assert.equal(second.result, null);
    assert.deepEqual(second.logs, []);
    assert.equal(await service.balance(address, accountOf(2)), 10n);
  });

  it("refuses a view function and names where to call it", async () => {
    const node = openTestNode();
    const address = await deployed(node, lab("Lab"), ["1"]);
    const error = await failure("VIEW_FUNCTION", node.service.execute(address, { function: "value" }));
    assert.equal(error.details.use, `/api/v1/contracts/${address}/call`);
    await failure("VIEW_FUNCTION", node.service.execute(address, { function: "fail" }));
  });

  it("is sent by the contract's owner unless told otherwise, and only by accounts held here", async () => {
    const node = openTestNode({ others: [2] });
    const address = await deployed(node, lab("Lab"), ["1"]);
    const from = accountOf(2);
    const { logs } = requireIncluded(await node.service.execute(address, { function: "set", params: ["2"], from }));
    assert.equal(logs[0]?.args?.by, from);
    const stranger = { function: "set", params: ["3"], from: accountOf(3) };
    await failure("FROM_NOT_HELD", node.service.execute(address, stranger));

    const apart = openTestNode({ own: 4, store: node.store });
    const error = await failure("FROM_NOT_HELD", apart.service.execute(address, { function: "set", params: ["3"] }));
    assert.equal(error.details.from, node.keys.own);
  });

  it("is refused by a replica before it is looked at, whoever's key is there", async () => {
    const { service } = openTestNode({ replica: [accountOf(9)] });
    await failure("REPLICA", service.execute(accountOf(9), { function: "set", params: ["2"], from: accountOf(3) }));
    await failure("REPLICA", service.deploy({ contractType: "custom", ...lab("Lab"), args: ["1"] }));
  });

  it("sends value only to payable functions, and only what the sender has", async () => {
    const node = openTestNode();
    const address = await deployed(node, lab("Lab"), ["1"]);
    await node.service.execute(address, { function: "pay", value: number("1e3") });
    assert.equal((await node.service.get(address)).balance, 1000n);
    const unpayable = await failure(
      "INVALID_PARAMETER",
      node.service.execute(address, { function: "set", params: ["1"], value: "1" }),
    );
    assert.equal(unpayable.details.parameter, "value");
    await failure(
      "INSUFFICIENT_FUNDS",
      node.service.execute(address, { function: "pay", value: "1000000000000000000000" }),
    );
    await failure(
      "INSUFFICIENT_FUNDS",
      node.service.call(address, { function: "pay", value: "1000000000000000000000" }),
    );
  });

  it("names unknown contracts, missing ABIs and unknown functions", async () => {
    const node = openTestNode();
    const nowhere = `0x${"12".repeat(20)}` as const;
    await failure("CONTRACT_NOT_FOUND", node.service.execute(nowhere, { function: "f" }));
    await failure("CONTRACT_NOT_FOUND", node.service.call(nowhere, { function: "f" }));
    await failure("CONTRACT_NOT_FOUND", node.service.balance(nowhere, node.keys.own));
    await failure("CONTRACT_NOT_FOUND", node.service.get(nowhere));
    await failure("CONTRACT_NOT_FOUND", node.service.publish(nowhere, {}));
    await failure("ABI_MISSING", node.service.execute(MULTICALL3_ADDRESS, { function: "getBlockNumber" }));
    const address = await deployed(node, lab("Lab"), ["1"]);
    await failure("UNKNOWN_FUNCTION", node.service.execute(address, { function: "sett" }));
    await failure("MISSING_PARAMETER", node.service.execute(address, { function: "set" }));
  });

  it("executes many at once with consecutive nonces, and loses none", async () => {
    const node = openTestNode();
    const { address } = requireIncluded(await node.service.deploy({ contractType: "token", name: "T", symbol: "T" }));
    const mint = { function: "mint", params: { to: accountOf(9), amount: "1" } };
    const results = await Promise.all(Array.from({ length: 40 }, () => node.service.execute(address, mint)));
    assert.ok(results.every((result) => requireIncluded(result).status === "success"));
    assert.equal(await node.service.balance(address, accountOf(9)), 40n);
  });
});

describe("waiting for the inclusion", () => {
  it("ends with the hash after the time the caller has", async () => {
    const node = openTestNode({ sealing: false });
    const deploying = node.service.deploy({ contractType: "token", name: "T", symbol: "T", waitMs: 500 });
    await node.clock.armed();
    node.clock.advance(500);
    const result = await deploying;
    assert.equal(result.included, false);
    assert.equal(node.engine.transaction(result.transactionHash)?.status, "pending");
    assert.equal(node.clock.timers, 0);
  });

  it("does not begin when the caller has no time", async () => {
    const node = openTestNode({ sealing: false });
    const result = await node.service.deploy({ contractType: "token", name: "T", symbol: "T", waitMs: 0 });
    assert.equal(result.included, false);
    assert.equal(node.clock.timers, 0);
  });

  it("ends when the transaction loses its nonce to another, before or after the waiting began", async () => {
    const begun = {
      before: (node: TestNode): Promise<unknown> => pending(node.engine, 1),
      after: (node: TestNode): Promise<unknown> => node.clock.armed(),
    };
    for (const ready of Object.values(begun)) {
      const node = openTestNode({ sealing: false });
      const deploying = node.service.deploy({ contractType: "token", name: "T", symbol: "T" });
      await ready(node);
      const winner = transactionOf(1, 0, { maxFeePerGas: 1n, maxPriorityFeePerGas: 1n });
      await node.engine.submit(winner, "local");
      const { details } = await failure("TRANSACTION_CONFLICTED", deploying);
      assert.equal(details.by, winner.hash);
      assert.equal(node.engine.transaction(details.transaction_hash as Hex)?.status, "conflicted");
      assert.equal(node.clock.timers, 0);
    }
  });

  it("ends when a development node drops the transaction, or takes its chain back", async () => {
    const node = openTestNode({ sealing: false, development: true });
    const { development } = node.engine;
    assert.ok(development);
    const snapshot = await development.snapshot();
    for (const forget of [() => development.dropAll(), () => development.revert(snapshot)]) {
      const deploying = node.service.deploy({ contractType: "token", name: "T", symbol: "T" });
      await node.clock.armed();
      await forget();
      const { details } = await failure("TRANSACTION_NOT_FOUND", deploying);
      assert.equal(node.engine.transaction(details.transaction_hash as Hex), undefined);
      assert.equal(node.clock.timers, 0);
    }
  });

  it("says why a transaction cannot be included, when one before it cannot be paid", async () => {
    const node = openTestNode();
    const { address } = requireIncluded(await node.service.deploy({ contractType: "token", name: "T", symbol: "T" }));
    const others = openTestNode({ sealing: false });
    await others.engine.import(chainOf(node.engine));
    await others.service.putRecord(node.service.artifact(address) ?? assert.fail());
    // It could be paid when it came, and cannot after another block spent the money.
    const rich = 10n ** 20n;
    await others.engine.submit(transactionOf(1, 1, { value: rich - 1n }), "local");
    await others.engine.submit(transactionOf(1, 2, { value: rich - 1n }), "local");
    await others.engine.seal();
    const mint = { function: "mint", params: { to: accountOf(2), amount: "1" } };
    const waiting = await others.service.execute(address, mint, 0);
    assert.ok(!waiting.included);
    assert.equal(waiting.reason, "INSUFFICIENT_FUNDS");
  });

  it("goes on through blocks of others that do not have the transaction", async () => {
    const node = openTestNode({ sealing: false });
    const deploying = node.service.deploy({ contractType: "token", name: "T", symbol: "T" });
    await node.clock.armed();
    const apart = openTestNode({ own: 5, sealing: false });
    await sealAll(apart.engine, [transactionOf(6, 0)]);
    await node.engine.import(chainOf(apart.engine));
    assert.equal(node.clock.timers, 1);
    await node.engine.seal();
    assert.equal(requireIncluded(await deploying).blockNumber, 2);
  });
});

describe("calling a function", () => {
  it("decodes tuples and several results, and changes nothing", async () => {
    const node = openTestNode();
    const address = await deployed(node, lab("Lab"), ["42"]);
    const p = { x: number("9007199254740993"), y: "-5" };
    assert.deepEqual(await node.service.call(address, { function: "point", params: { p } }), {
      q: { x: "9007199254740994", y: "5" },
      ok: true,
    });
    assert.equal(await node.service.call(address, { function: "set", params: ["5"] }), "42");
    assert.equal(await node.service.call(address, { function: "value" }), "42");
    assert.equal(node.engine.head().number, 1);
  });

  it("is made by the owner unless told otherwise, whose key need not be held", async () => {
    const node = openTestNode();
    const address = await deployed(node, lab("Lab"), ["42"]);
    assert.equal(await node.service.call(address, { function: "who" }), node.keys.own);
    assert.equal(await node.service.call(address, { function: "who", from: accountOf(7) }), accountOf(7));
  });

  it("fails with the reason of a revert, and when the answer does not fit the ABI", async () => {
    const node = openTestNode();
    const address = await deployed(node, lab("Lab"), ["42"]);
    const error = await failure("EXECUTION_REVERTED", node.service.call(address, { function: "fail" }));
    assert.equal(error.details.reason, "as asked");
    const { bytecode } = lab("Liar");
    const answer = (type: string): Compiled => ({
      bytecode,
      abi: [
        { type: "function", name: "answer", inputs: [], outputs: [{ name: "", type }], stateMutability: "view" },
        { type: "function", name: "poke", inputs: [], outputs: [{ name: "", type }], stateMutability: "nonpayable" },
      ],
    });
    const liar = await deployed(node, answer("bool"));
    await failure("INVALID_ABI", node.service.call(liar, { function: "answer" }));
    // An execution that answers nothing where its ABI says something has happened all the same.
    const poked = requireIncluded(await node.service.execute(liar, { function: "poke" }));
    assert.equal(poked.status, "success");
    assert.equal(poked.result, null);
  });
});

describe("the balance of a wallet", () => {
  it("needs no artifact", async () => {
    const node = openTestNode();
    const compiled = compile(
      "contract T { mapping(address => uint256) public balanceOf; constructor() { balanceOf[msg.sender] = 5; } }",
    )("T");
    const creation = creationOf(2, 0, Buffer.from(compiled.bytecode.slice(2), "hex"));
    await sealAll(node.engine, [creation]);
    const [contract] = (await node.service.list({ limit: 10 })).contracts;
    assert.ok(contract);
    assert.equal(contract.artifact, undefined);
    assert.equal(await node.service.balance(contract.entry.address, accountOf(2)), 5n);
    assert.equal(await node.service.balance(contract.entry.address, accountOf(3)), 0n);
  });

  it("is unavailable where balanceOf is missing, fails, or answers something else", async () => {
    const node = openTestNode();
    for (const contract of [lab("Child"), lab("Greedy")]) {
      const address = await deployed(node, contract);
      await failure("BALANCE_UNAVAILABLE", node.service.balance(address, node.keys.own));
    }
    const empty = await deployed(node, { abi: [], bytecode: "0x6001600c60003960016000f300" });
    await failure("BALANCE_UNAVAILABLE", node.service.balance(empty, node.keys.own));
  });
});
