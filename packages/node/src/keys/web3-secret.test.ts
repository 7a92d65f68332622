import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesToHex } from "@counterpart/core/base/bytes";
import { isCodedError } from "@counterpart/core/base/errors";
import { toAccount } from "./account.ts";
import { createVault, isSealed, type ScryptCost } from "./web3-secret.ts";

/** go-ethereum's `LightScryptN` and `LightScryptP`. */
const LIGHT: ScryptCost = { n: 4096, r: 8, p: 6 };
const SECRET = "0x7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d";

/** The two vectors of the definition, Web3 Secret Storage, "Test Vectors". */
const PBKDF2_VECTOR = {
  crypto: {
    cipher: "aes-128-ctr",
    cipherparams: { iv: "6087dab2f9fdbbfaddc31a909735c1e6" },
    ciphertext: "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
    kdf: "pbkdf2",
    kdfparams: {
      c: 262144,
      dklen: 32,
      prf: "hmac-sha256",
      salt: "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd",
    },
    mac: "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2",
  },
  id: "3198bc9c-6672-5ab3-d995-4942343ae5b6",
  version: 3,
};
const SCRYPT_VECTOR = {
  crypto: {
    cipher: "aes-128-ctr",
    cipherparams: { iv: "83dbcc02d8ccb40e466191a123791e0e" },
    ciphertext: "d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c",
    kdf: "scrypt",
    kdfparams: {
      dklen: 32,
      n: 262144,
      p: 8,
      r: 1,
      salt: "ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19",
    },
    mac: "2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097",
  },
  id: "3198bc9c-6672-5ab3-d995-4942343ae5b6",
  version: 3,
};

/** Written by Foundry's `cast wallet import` 1.x, which states no address. */
const FOUNDRY_FILE = {
  crypto: {
    cipher: "aes-128-ctr",
    cipherparams: { iv: "133b44b06196b3cb9239af938b9e2c99" },
    ciphertext: "cd9770c3d8eed341fa36ed8a95f9ce1d3d6ddd26f437b062e9e576a0cc937a26",
    kdf: "scrypt",
    kdfparams: {
      dklen: 32,
      n: 8192,
      p: 1,
      r: 8,
      salt: "8daebea583dd421ee8d4ba62359c750afe9bc968beadca3c67d3034a560687d9",
    },
    mac: "017cf699ee8fa694f57b11e3886a2102a4ab504b9bf2270ac8b5497b173ea828",
  },
  id: "6b2e6538-9c7d-4a75-a4f0-930315e60893",
  version: 3,
};

const keyOf = (content: object, password = "testpassword") =>
  bytesToHex(createVault(password, LIGHT).open(content, "file").privateKey);

test("the vectors of the definition open, by scrypt and by PBKDF2, as early clients wrote them too", () => {
  assert.equal(keyOf(SCRYPT_VECTOR), SECRET);
  assert.equal(keyOf(PBKDF2_VECTOR), SECRET);
  const { crypto, ...rest } = PBKDF2_VECTOR;
  assert.equal(keyOf({ ...rest, Crypto: crypto, address: "" }), SECRET);
});

test("a file of Foundry's opens", () => {
  assert.equal(keyOf(FOUNDRY_FILE, "pass word 1"), SECRET);
});

test("an address that is stated must be the key's, with 0x or without, in any case", () => {
  const address = "008aeeda4d805471df9b2a5b0f38a0c3bcba786b";
  for (const stated of [address, `0x${address}`, address.toUpperCase()]) {
    assert.equal(keyOf({ ...PBKDF2_VECTOR, address: stated }), SECRET);
  }
  const wrong = { ...PBKDF2_VECTOR, address: address.replace("0", "1") };
  assert.throws(
    () => keyOf(wrong),
    (error) => isCodedError(error, "STORE_CORRUPT"),
  );
});

test("another password is told from damage, however little of it differs", () => {
  for (const password of ["", "testpasswor", "testpassword ", "Testpassword"]) {
    assert.throws(
      () => keyOf(PBKDF2_VECTOR, password),
      (error) => isCodedError(error, "WRONG_PASSWORD"),
      password,
    );
  }
});

test("what is sealed has the standard's form, opens with the password in another vault, and with no other", () => {
  const account = toAccount(new Uint8Array(32).fill(5));
  const content = JSON.parse(createVault("pässwörd 🔑").seal(account));
  assert.ok(isSealed(content));
  assert.deepEqual(Object.keys(content).sort(), ["address", "crypto", "id", "version"]);
  assert.equal(`0x${content.address}`, account.address);
  const { kdfparams, ...crypto } = content.crypto;
  assert.deepEqual({ ...kdfparams, salt: "" }, { dklen: 32, n: 262_144, r: 8, p: 1, salt: "" });
  assert.deepEqual([crypto.kdf, crypto.cipher], ["scrypt", "aes-128-ctr"]);
  assert.ok(!JSON.stringify(content).includes("05".repeat(16)));
  assert.deepEqual(createVault("pässwörd 🔑").open(content, "file"), account);
  assert.throws(
    () => createVault("password").open(content, "file"),
    (error) => isCodedError(error, "WRONG_PASSWORD"),
  );
});

test("keys of one vault share a salt, also after it was opened again, and never an initialisation vector", () => {
  const vault = createVault("p", LIGHT);
  const sealed = [1, 1, 2].map((fill) => JSON.parse(vault.seal(toAccount(new Uint8Array(32).fill(fill)))));
  const again = createVault("p", LIGHT);
  again.open(sealed[0], "file");
  sealed.push(JSON.parse(again.seal(toAccount(new Uint8Array(32).fill(3)))));
  assert.equal(new Set(sealed.map(({ crypto }) => crypto.kdfparams.salt)).size, 1);
  assert.equal(new Set(sealed.map(({ crypto }) => crypto.cipherparams.iv)).size, 4);
  assert.equal(new Set(sealed.map(({ crypto }) => crypto.ciphertext)).size, 4);
});

test("a file that asks for too much, or makes no sense, is refused before anything is derived", () => {
  const { crypto } = SCRYPT_VECTOR;
  const { kdfparams } = crypto;
  const withKdf = (change: object) => ({ ...crypto, kdfparams: { ...kdfparams, ...change } });
  const wrong: readonly unknown[] = [
    null,
    "crypto",
    { ...crypto, cipher: "aes-128-cbc" },
    { ...crypto, cipherparams: { iv: "00" } },
    { ...crypto, cipherparams: undefined },
    { ...crypto, ciphertext: "" },
    { ...crypto, ciphertext: "zz".repeat(32) },
    { ...crypto, mac: 1 },
    { ...crypto, kdf: "argon2" },
    { ...crypto, kdfparams: [] },
    { ...crypto, kdf: "pbkdf2" },
    { ...PBKDF2_VECTOR.crypto, kdfparams: { ...PBKDF2_VECTOR.crypto.kdfparams, c: 1e12 } },
    withKdf({ n: 0 }),
    withKdf({ n: 3 }),
    withKdf({ n: "262144" }),
    withKdf({ n: 2 ** 30 }),
    withKdf({ r: 2 ** 18 }),
    withKdf({ p: 1e9 }),
    withKdf({ p: -1 }),
    withKdf({ dklen: 16 }),
    withKdf({ salt: undefined }),
    withKdf({ salt: "00".repeat(2_000) }),
  ];
  for (const changed of wrong) {
    assert.throws(
      () => keyOf({ ...SCRYPT_VECTOR, crypto: changed }),
      (error) => isCodedError(error, "STORE_CORRUPT") && error.message.includes("file"),
      JSON.stringify(changed),
    );
  }
});
