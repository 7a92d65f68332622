import assert from "node:assert/strict";
import { test } from "node:test";
import { CodedError } from "@counterpart/core/base/errors";
import {
  CONTRACT,
  CONTRACT_SHOWN,
  CONTRACT_VIEW,
  hash32,
  OWNER,
  OWNER_SHOWN,
  openTestApi,
} from "../fake-backend.test-support.ts";
import { INCLUDED, CONTRACTS_PATH as PATH, PENDING, plain } from "./contracts.test-support.ts";

test("a contract is shown with exactly the documented fields", async () => {
  const api = await openTestApi({ certified: "signer" });
  api.contracts.set({ get: async () => CONTRACT_VIEW });
  const { status, json } = await api.get(`${PATH}/${CONTRACT}`);
  assert.equal(status, 200);
  assert.deepEqual(json, {
    address: CONTRACT_SHOWN,
    owner: OWNER_SHOWN,
    contract_type: "token",
    name: "TestToken",
    symbol: "TEST",
    decimals: 18,
    cap: "1000000",
    total_supply: "1000",
    abi: [{ type: "function", name: "mint" }],
    code_hash: hash32("1"),
    storage_root: hash32("5"),
    nonce: 1,
    balance: "1180591620717411303424",
    created_at: 1_770_000_001_000,
    created_block: 3,
    updated_at: 1_770_000_009_000,
    updated_block: 5,
    update_sequence: 2,
    artifact_updated_at: 1_770_000_001_234,
    state_hash: hash32("6"),
    artifact_hash: hash32("7"),
    integrity_hash: hash32("8"),
    proxy: null,
    checked: "executed",
    certified: "signer",
    final: false,
    confirmations: 4,
  });
});

test("a contract without artifact and owner has nulls in their place", async () => {
  const api = await openTestApi();
  const { artifact: _a, artifactUpdatedAt: _u, totalSupply: _t, entry, ...rest } = CONTRACT_VIEW;
  const { owner: _o, ...bare } = entry;
  api.contracts.set({ get: async () => ({ ...rest, entry: bare }) });
  const { json } = await api.get(`${PATH}/${CONTRACT}`);
  for (const name of [
    "owner",
    "contract_type",
    "name",
    "symbol",
    "decimals",
    "cap",
    "total_supply",
    "abi",
    "artifact_updated_at",
  ]) {
    assert.equal(json[name], null, name);
  }
  assert.equal(json.certified, "none");
});

test("addresses are taken in any one case and checked in mixed case", async () => {
  const api = await openTestApi();
  api.contracts.set({ get: async () => CONTRACT_VIEW });
  for (const text of [CONTRACT, CONTRACT_SHOWN, `0x${CONTRACT.slice(2).toUpperCase()}`]) {
    assert.equal((await api.get(`${PATH}/${text}`)).status, 200, text);
  }
  assert.ok(api.contracts.calls.every(([, address]) => address === CONTRACT));
  const wrong = await api.get(`${PATH}/${CONTRACT_SHOWN.replace("0x5F", "0x5f")}`);
  assert.deepEqual([wrong.status, wrong.json.code, wrong.json.field], [400, "INVALID_REQUEST", "address"]);
  for (const text of ["0x12", "5fbdb2315678afecb367f032d93f642f64180aa3", `${CONTRACT}00`, "token"]) {
    const answer = await api.get(`${PATH}/${text}`);
    assert.deepEqual([answer.status, answer.json.code], [400, "INVALID_REQUEST"], text);
  }
});

test("an unknown contract is CONTRACT_NOT_FOUND", async () => {
  const api = await openTestApi();
  api.contracts.set({ get: () => Promise.reject(new CodedError("CONTRACT_NOT_FOUND", "none", { address: CONTRACT })) });
  const { status, json } = await api.get(`${PATH}/${CONTRACT}`);
  assert.deepEqual([status, json.code, json.address], [404, "CONTRACT_NOT_FOUND", CONTRACT]);
});

test("a balance is a decimal string", async () => {
  const api = await openTestApi();
  api.contracts.set({ balance: async () => 2n ** 255n });
  const { json } = await api.get(`${PATH}/${CONTRACT_SHOWN}/balance/${OWNER_SHOWN}`);
  assert.deepEqual(json, { balance: (2n ** 255n).toString() });
  assert.deepEqual(api.contracts.calls, [["balance", CONTRACT, OWNER]]);
});

test("the list passes its filters on and pages", async () => {
  const api = await openTestApi();
  api.contracts.set({ list: async () => ({ contracts: [CONTRACT_VIEW], cursor: "next", since: "s1" }) });
  const query = `owner=${OWNER_SHOWN}&type=token&name=Test&since=s0&limit=7&cursor=c&include_genesis=true`;
  const { json } = await api.get(`${PATH}?${query}`);
  assert.equal((json.contracts as unknown[]).length, 1);
  assert.deepEqual([json.cursor, json.since], ["next", "s1"]);
  assert.deepEqual(api.contracts.calls[0], [
    "list",
    { owner: OWNER, type: "token", name: "Test", since: "s0", limit: 7, cursor: "c", genesis: true },
  ]);
});

test("the list without filters asks for a bounded page, and the last page has no cursor", async () => {
  const api = await openTestApi();
  api.contracts.set({ list: async () => ({ contracts: [], since: "s1" }) });
  const { json } = await api.get(PATH);
  assert.deepEqual(json, { contracts: [], cursor: null, since: "s1" });
  assert.deepEqual(api.contracts.calls[0], ["list", { limit: 50 }]);
  for (const query of ["limit=0", "limit=201", "owner=0x12", "include_genesis=yes", "type=a&type=b"]) {
    assert.equal((await api.get(`${PATH}?${query}`)).status, 400, query);
  }
});

const TOKEN = { contract_type: "token", name: "TestToken", symbol: "TEST" };

test("a deployment answers 201 with the contract and where it is", async () => {
  const api = await openTestApi();
  api.contracts.set({ deploy: async () => INCLUDED, get: async () => CONTRACT_VIEW });
  const { status, json, headers } = await api.send("POST", PATH, {
    ...TOKEN,
    decimals: 18,
    cap: "1000000",
    wait_ms: 5,
  });
  assert.equal(status, 201);
  assert.equal(headers.location, `${PATH}/${CONTRACT_SHOWN}`);
  assert.deepEqual([json.address, json.transaction_hash, json.block_hash], [CONTRACT_SHOWN, hash32("a"), hash32("b")]);
  assert.equal((json.contract as Record<string, unknown>).address, CONTRACT_SHOWN);
  assert.deepEqual(api.contracts.calls[0], [
    "deploy",
    { contractType: "token", name: "TestToken", symbol: "TEST", decimals: 18, cap: "1000000", waitMs: 5 },
    undefined,
  ]);
});

test("amounts reach the service exactly", async () => {
  const api = await openTestApi();
  api.contracts.set({ deploy: async () => PENDING });
  await api.send(
    "POST",
    PATH,
    '{"contract_type":"token","name":"T","symbol":"T","cap":9007199254740993,"initial_supply":1e21}',
  );
  const request = plain(api.contracts.calls[0]?.[1]) as Record<string, unknown>;
  assert.deepEqual(request.cap, { source: "9007199254740993" });
  assert.deepEqual(request.initialSupply, { source: "1e21" });
});

test("total_supply is an alias of cap", async () => {
  const api = await openTestApi();
  api.contracts.set({ deploy: async () => PENDING });
  const capsGiven = async (body: string) => {
    const { status, json } = await api.send("POST", PATH, `{"contract_type":"token","name":"T","symbol":"T",${body}}`);
    if (status !== 202) return [status, json.code, json.field];
    const [, request] = api.contracts.calls.at(-1) ?? [];
    return plain((request as Record<string, unknown>).cap);
  };
  assert.equal(await capsGiven('"total_supply":"1000"'), "1000");
  assert.deepEqual(await capsGiven('"total_supply":1e3,"cap":1000'), { source: "1000" });
  assert.deepEqual(await capsGiven('"total_supply":1000,"cap":"1001"'), [400, "INVALID_REQUEST", "total_supply"]);
  assert.deepEqual(await capsGiven('"total_supply":9007199254740993,"cap":9007199254740992'), [
    400,
    "INVALID_REQUEST",
    "total_supply",
  ]);
});

test("bytecode is deployed with or without 0x, its arguments exact", async () => {
  const api = await openTestApi();
  api.contracts.set({ deploy: async () => PENDING });
  const deploy = (bytecode: string) =>
    api.send(
      "POST",
      PATH,
      `{"contract_type":"custom","name":"Counter","bytecode":"${bytecode}","abi":[{"type":"constructor"}],` +
        `"args":[42,"x",[1e27,true],{"a":null}],"value":3,"from":"${OWNER_SHOWN}"}`,
    );
  for (const bytecode of ["0x60Ff", "60ff"]) {
    assert.equal((await deploy(bytecode)).status, 202);
    assert.deepEqual(plain(api.contracts.calls.at(-1)?.[1]), {
      contractType: "custom",
      name: "Counter",
      bytecode: "0x60ff",
      abi: [{ type: "constructor" }],
      args: [{ source: "42" }, "x", [{ source: "1e27" }, true], { a: null }],
      value: { source: "3" },
      from: OWNER,
    });
  }
  for (const bytecode of ["", "0x", "0x6", "zz", "0x60__$library$__"]) {
    const { status, json } = await deploy(bytecode);
    assert.deepEqual([status, json.code, json.field], [400, "INVALID_BYTECODE", "bytecode"], bytecode);
  }
});

test("an nft, an artifact and sources are passed on as they are meant", async () => {
  const api = await openTestApi();
  api.contracts.set({ deploy: async () => PENDING });
  const asked = async (body: object): Promise<unknown> => {
    assert.equal((await api.send("POST", PATH, body)).status, 202);
    return (plain(api.contracts.calls.at(-1)) as unknown[])[1];
  };
  const nft = { contract_type: "nft", name: "N", symbol: "S", base_uri: "u", cap: 3 };
  const wanted = { contractType: "nft", name: "N", symbol: "S", baseUri: "u", cap: { source: "3" } };
  assert.deepEqual(await asked(nft), wanted);
  const libraries = { L: CONTRACT };
  const artifact = { contract_type: "custom", artifact: { abi: [], bytecode: "0x00" }, libraries, args: ["1"] };
  assert.deepEqual(await asked(artifact), {
    contractType: "custom",
    code: { kind: "artifact", artifact: { abi: [], bytecode: "0x00" }, libraries },
    args: ["1"],
  });
  const sources = { "a.sol": "contract A {}" };
  const settings = { contract: "A", optimizer_runs: 1, via_ir: true };
  assert.deepEqual(await asked({ contract_type: "custom", sources, ...settings }), {
    contractType: "custom",
    code: { kind: "source", sources, contract: "A", optimizerRuns: 1, viaIr: true },
  });
  assert.deepEqual(await asked({ contract_type: "custom", source: "contract A {}" }), {
    contractType: "custom",
    code: { kind: "source", sources: { "Contract.sol": "contract A {}" } },
  });
});

test("a proxy is shown with its implementation, whose ABI is left out of lists", async () => {
  const api = await openTestApi();
  const abi = [{ type: "function", name: "store" }];
  const proxy = { kind: "erc1967", implementation: OWNER, artifact: { name: "Box", abi } } as const;
  const view = { ...CONTRACT_VIEW, proxy };
  api.contracts.set({ get: async () => view, list: async () => ({ contracts: [view], since: "s" }) });
  const shown = { kind: "erc1967", implementation: OWNER_SHOWN, implementation_name: "Box", beacon: null, admin: null };
  const { json } = await api.get(`${PATH}/${CONTRACT}`);
  assert.deepEqual(json.proxy, { ...shown, implementation_abi: abi });
  const list = (await api.get(PATH)).json.contracts as { proxy: unknown }[];
  assert.deepEqual(list[0]?.proxy, { ...shown, implementation_abi: null });
});

test("a deployment that is not included in time answers 202 with what to ask for", async () => {
  const api = await openTestApi();
  api.contracts.set({ deploy: async () => PENDING });
  const { status, json } = await api.send("POST", PATH, TOKEN);
  assert.equal(status, 202);
  assert.deepEqual(json, { transaction_hash: hash32("a"), status: "pending", address: CONTRACT_SHOWN, reason: null });
});

test("a deployment whose block was reorganised away before it could be shown is pending again", async () => {
  const api = await openTestApi();
  const gone = new CodedError("CONTRACT_NOT_FOUND", "none");
  api.contracts.set({ deploy: async () => INCLUDED, get: () => Promise.reject(gone) });
  const { status, json } = await api.send("POST", PATH, TOKEN);
  assert.deepEqual([status, json.status], [202, "pending"]);
});

test("a constructor that reverts only when it is sealed answers 200 with status reverted", async () => {
  const api = await openTestApi();
  api.contracts.set({ deploy: async () => ({ ...INCLUDED, status: "reverted" }) });
  const { status, json } = await api.send("POST", PATH, TOKEN);
  assert.equal(status, 200);
  assert.deepEqual(json, { transaction_hash: hash32("a"), block_hash: hash32("b"), status: "reverted" });
});

test("a wrong deployment names its field, by the contract's type", async () => {
  const { send, contracts } = await openTestApi();
  contracts.set({ deploy: () => assert.fail("it was taken") });
  const cases: [body: Record<string, unknown>, field: string, message: RegExp][] = [
    [{}, "contract_type", /contract_type is required/],
    [{ contract_type: "coin" }, "contract_type", /must be "token" or "nft" or "custom"/],
    [{ contract_type: "nft", name: "N" }, "symbol", /body\.symbol is required$/],
    [{ contract_type: "nft", name: "N", symbol: "S", decimals: 2 }, "decimals", /not a known field/],
    [{ contract_type: "token", symbol: "T" }, "name", /body\.name is required$/],
    [{ ...TOKEN, decimals: 256 }, "decimals", /must be <= 255/],
    [{ ...TOKEN, cap: true }, "cap", /must be string or number/],
    [{ ...TOKEN, bytecode: "0x00" }, "bytecode", /not a known field/],
    [{ ...TOKEN, from: "0x12" }, "from", /must look like 0xf39F/],
    [{ contract_type: "custom", bytecode: "0x00" }, "abi", /body\.abi is required$/],
    [{ contract_type: "custom", bytecode: "0x00", abi: {} }, "abi", /must be array/],
    [{ contract_type: "custom" }, "bytecode", /is required, with abi/],
    [{ contract_type: "custom", source: "", abi: [] }, "abi", /is what the source gives/],
    [{ contract_type: "custom", source: "", artifact: {} }, "source", /exclude each other/],
    [{ contract_type: "custom", artifact: {}, contract: "A" }, "contract", /needs source/],
    [{ contract_type: "custom", bytecode: "0x00", abi: [], libraries: {} }, "libraries", /needs artifact/],
    [{ contract_type: "custom", sources: { a: 1 } }, "sources.a", /must be string/],
  ];
  for (const [body, field, message] of cases) {
    const { status, json } = await send("POST", PATH, body);
    assert.deepEqual([status, json.code, json.field], [400, "INVALID_REQUEST", field], JSON.stringify(body));
    assert.match(String(json.detail), message);
  }
});
