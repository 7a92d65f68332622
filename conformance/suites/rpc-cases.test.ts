import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRpcCase } from "./rpc-cases.ts";

const ID = "eth_chainId/get-chain-id.io";

test("a case has its method, its exchanges and whether only their form counts", () => {
  const text = '// says which chain it is\n>> {"id":1}\n<< {"id":1,"result":"0x1"}\n>>  []\n<<  null\n\n';
  assert.deepEqual(parseRpcCase(ID, text), {
    id: ID,
    method: "eth_chainId",
    isFormOnly: false,
    exchanges: [
      { request: '{"id":1}', answer: { id: 1, result: "0x1" } },
      { request: "[]", answer: null },
    ],
  });
  assert.equal(parseRpcCase(ID, `// speconly: any\n${text}`).isFormOnly, true);
  assert.equal(parseRpcCase(ID, `// not speconly\n${text}`).isFormOnly, false);
});

test("what is no case is refused", () => {
  for (const [text, words] of [
    ["", /a request has no answer/],
    [">> {}\n", /a request has no answer/],
    ["<< {}\n", /an answer has no request/],
    [">> {}\n>> {}\n<< {}\n", /a request follows a request/],
    [">> {}\n<< {}\n<< {}\n", /an answer has no request/],
    [">> {}\n<< {\n", /JSON/],
    ["> {}\n", /neither request, answer nor comment/],
  ] as const) {
    assert.throws(() => parseRpcCase(ID, text), words, JSON.stringify(text));
  }
});
