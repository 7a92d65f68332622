import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { freePort } from "../../packages/node/src/net/testing/free-port.ts";
import { deployToken, Nodes, type Reply, type TestNode } from "./nodes.ts";

function assertProblem({ status, body }: Reply, wantedStatus: number, code: string): void {
  assert.deepEqual([status, body.code], [wantedStatus, code], JSON.stringify(body));
  assert.equal(body.status, wantedStatus);
  for (const field of ["type", "title", "detail"]) assert.equal(typeof body[field], "string", field);
}

const nobody = "0x00000000000000000000000000000000000000aa";

const OTHER_CHAIN = { chainId: 4242, consensus: "poa", timestamp: 1_767_225_600, gasLimit: 60_000_000, alloc: {} };

describe("the usual mistakes of a caller get a problem document with a stable code and change nothing", () => {
  const mistakes: Record<string, (node: TestNode, token: string) => Promise<void>> = {
    "an unknown function": async (node, token) => {
      const reply = await node.post(`contracts/${token}/execute`, { function: "mnit", params: {} });
      assertProblem(reply, 400, "UNKNOWN_FUNCTION");
    },
    "a missing parameter": async (node, token) => {
      const reply = await node.post(`contracts/${token}/execute`, { function: "mint", params: { to: nobody } });
      assertProblem(reply, 400, "MISSING_PARAMETER");
    },
    "an extra parameter": async (node, token) => {
      const params = { to: nobody, amount: 1, more: 2 };
      assertProblem(
        await node.post(`contracts/${token}/execute`, { function: "mint", params }),
        400,
        "UNKNOWN_PARAMETER",
      );
    },
    "a parameter of the wrong type": async (node, token) => {
      for (const amount of ["many", -1, 1.5, true, `${2n ** 256n}`]) {
        const call = { function: "mint", params: { to: nobody, amount } };
        assertProblem(await node.post(`contracts/${token}/execute`, call), 400, "INVALID_PARAMETER");
      }
      const call = { function: "mint", params: { to: "0x1234", amount: 1 } };
      assertProblem(await node.post(`contracts/${token}/execute`, call), 400, "INVALID_PARAMETER");
    },
    "an execution that reverts": async (node, token) => {
      const call = { function: "mint", params: { to: nobody, amount: "1000001" } };
      const reply = await node.post(`contracts/${token}/execute`, call);
      assertProblem(reply, 422, "EXECUTION_REVERTED");
      assert.match(JSON.stringify(reply.body), /ExceededCap/);
    },
    "a view function sent to execute": async (node, token) => {
      const reply = await node.post(`contracts/${token}/execute`, { function: "totalSupply" });
      assertProblem(reply, 400, "VIEW_FUNCTION");
      assert.match(reply.body.detail as string, /\/call/);
    },
    "an account whose key is elsewhere": async (node, token) => {
      const call = { function: "mint", params: { to: nobody, amount: 1 }, from: nobody };
      assertProblem(await node.post(`contracts/${token}/execute`, call), 403, "FROM_NOT_HELD");
    },
    "an unknown contract": async (node) => {
      assertProblem(await node.get(`contracts/${nobody}`), 404, "CONTRACT_NOT_FOUND");
      const reply = await node.post(`contracts/${nobody}/execute`, { function: "mint", params: {} });
      assertProblem(reply, 404, "CONTRACT_NOT_FOUND");
    },
    "an unknown block, transaction and route": async (node) => {
      assertProblem(await node.get("blocks/999"), 404, "BLOCK_NOT_FOUND");
      assertProblem(await node.get(`transactions/0x${"00".repeat(32)}`), 404, "TRANSACTION_NOT_FOUND");
      assertProblem(await node.get("nothing/here"), 404, "ROUTE_NOT_FOUND");
    },
    "malformed JSON and fields that do not exist": async (node) => {
      assertProblem(await node.post("contracts", '{"contract_type": "token",'), 400, "MALFORMED_JSON");
      const reply = await node.post("network/connect", { addres: "127.0.0.1:5000" });
      assertProblem(reply, 400, "INVALID_REQUEST");
      assert.match(JSON.stringify(reply.body), /addres/);
    },
    "a closed port, an HTTP server, the node itself and nonsense to connect to": async (node) => {
      const connect = (address: string): Promise<Reply> => node.post("network/connect", { address });
      assertProblem(await connect(`127.0.0.1:${await freePort()}`), 502, "CONNECTION_REFUSED");
      assertProblem(await connect(node.url.replace("http://", "")), 502, "NOT_A_PEER");
      assertProblem(await connect(node.p2p), 400, "SELF_CONNECTION");
      assertProblem(await connect("nonsense"), 400, "INVALID_ADDRESS");
    },
  };

  for (const [mistake, make] of Object.entries(mistakes)) {
    test(mistake, async () => {
      await using nodes = new Nodes();
      const node = await nodes.start("one");
      const token = await deployToken(node);
      const before = (await node.get("blocks/latest")).body.hash;
      await make(node, token);
      assert.equal((await node.get("blocks/latest")).body.hash, before);
    });
  }

  test("a node of another chain", async () => {
    await using nodes = new Nodes();
    const one = await nodes.start("one");
    const genesis = await nodes.writeFile("genesis.json", JSON.stringify(OTHER_CHAIN));
    const other = await nodes.start("other", { genesis });
    assertProblem(await one.post("network/connect", { address: other.p2p }), 409, "WRONG_CHAIN");
    assert.deepEqual((await one.get("network/peers")).body.peers, []);
  });

  test("a peer that is no address", async () => {
    await using nodes = new Nodes();
    await assert.rejects(nodes.start("one", { peer: ["nonsense"] }), { code: "INVALID_CONFIG", message: /nonsense/ });
    await nodes.start("one");
  });

  test("a data directory and a port that are taken", async () => {
    await using nodes = new Nodes();
    const one = await nodes.start("one");
    await assert.rejects(nodes.start("one"), { code: "DATA_DIR_LOCKED" });
    const apiPort = Number(new URL(one.url).port);
    await assert.rejects(nodes.start("two", { apiPort }), { code: "PORT_IN_USE" });
    const p2pPort = Number(one.p2p.split(":")[1]);
    await assert.rejects(nodes.start("three", { p2pPort }), { code: "PORT_IN_USE" });
    await nodes.start("two");
  });
});
