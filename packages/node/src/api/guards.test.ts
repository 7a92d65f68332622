import assert from "node:assert/strict";
import { test } from "node:test";
import { isCodedError } from "@counterpart/core/base/errors";
import { checkHost, checkJsonType, checkOrigin, createTokenCheck, hostnameOf, isLoopback } from "./guards.ts";

const refused = (error: unknown) => isCodedError(error, "HOST_NOT_ALLOWED");

test("the name in a Host header is read without port, brackets and case", () => {
  assert.equal(hostnameOf("LocalHost:8080"), "localhost");
  assert.equal(hostnameOf("[::1]:8080"), "::1");
  assert.equal(hostnameOf("127.0.0.1"), "127.0.0.1");
  for (const bad of ["", "a b", "user@host", "[::1", "host/path", "::1", "host:port"]) {
    assert.equal(hostnameOf(bad), undefined, bad);
  }
});

test("IP addresses, localhost and configured names are hosts of this node", () => {
  for (const host of ["127.0.0.1:8080", "[::1]:8080", "10.1.2.3", "localhost", "LOCALHOST:1", "node.example:80"]) {
    checkHost(host, ["node.example"]);
  }
});

test("a name that DNS may point anywhere is refused as Host", () => {
  for (const host of [
    "evil.example",
    "127.0.0.1.evil.example:8080",
    "localhost.evil.example",
    "",
    undefined,
    "a@127.0.0.1",
  ]) {
    assert.throws(() => checkHost(host, ["node.example"]), refused, String(host));
  }
});

test("an Origin is allowed on loopback and for the node itself", () => {
  checkOrigin(undefined, "127.0.0.1:8080");
  checkOrigin("http://localhost:5173", "127.0.0.1:8080");
  checkOrigin("https://127.1.2.3", "127.0.0.1:8080");
  checkOrigin("http://[::1]:3000", "127.0.0.1:8080");
  checkOrigin("http://10.0.0.5:8080", "10.0.0.5:8080");
});

test("any other Origin is refused", () => {
  for (const origin of [
    "https://evil.example",
    "null",
    "http://localhost.evil.example",
    "http://127.0.0.1.evil.example",
    "http://10.0.0.5:8081",
    "file://",
    "http://localhost@evil.example",
    "chrome-extension://localhost",
    "",
  ]) {
    assert.throws(() => checkOrigin(origin, "10.0.0.5:8080"), refused, origin);
  }
});

test("an Origin that the operator allows is allowed as it is, and no other that looks like it", () => {
  const allowed = ["https://dapp.example", "http://10.1.1.1:3000"];
  checkOrigin("https://dapp.example", "10.0.0.5:8080", allowed);
  checkOrigin("https://DApp.example", "10.0.0.5:8080", allowed);
  checkOrigin("http://10.1.1.1:3000", "10.0.0.5:8080", allowed);
  for (const origin of [
    "http://dapp.example",
    "https://dapp.example:444",
    "https://dapp.example.evil",
    "https://evil.dapp.example",
    "https://dapp.example/",
    "null",
    "http://10.1.1.1",
  ]) {
    assert.throws(() => checkOrigin(origin, "10.0.0.5:8080", allowed), refused, origin);
  }
});

test("only loopback hosts are loopback", () => {
  for (const host of ["127.0.0.1", "127.9.9.9", "::1", "localhost"]) assert.ok(isLoopback(host), host);
  for (const host of ["0.0.0.0", "::", "10.0.0.1", "127.evil.example", "128.0.0.1"]) assert.ok(!isLoopback(host), host);
});

test("the bearer token must be the token", () => {
  const check = createTokenCheck("s3cret-token");
  check("Bearer s3cret-token");
  check("bearer s3cret-token");
  const refused = (header: string | undefined, why: RegExp): void =>
    assert.throws(
      () => check(header),
      (error: unknown) => isCodedError(error, "UNAUTHORIZED") && why.test(error.message),
      String(header),
    );
  for (const header of [undefined, "", "Bearer", "Basic s3cret-token", "s3cret-token"])
    refused(header, /send its token/);
  for (const header of ["Bearer s3cret", "Bearer s3cret-token2"]) refused(header, /sent is not this node's$/);
});

test("only application/json is JSON", () => {
  checkJsonType("application/json");
  checkJsonType("Application/JSON; charset=utf-8");
  for (const type of [
    undefined,
    "",
    "text/plain",
    "application/jsonp",
    "application/x-www-form-urlencoded",
    "text/plain; application/json",
  ]) {
    assert.throws(
      () => checkJsonType(type),
      (error: unknown) => isCodedError(error, "UNSUPPORTED_MEDIA_TYPE"),
      String(type),
    );
  }
});
