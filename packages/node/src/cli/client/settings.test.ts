import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { isCodedError } from "@counterpart/core/base/errors";
import { createTestTerminal, runCommand } from "../context.test-support.ts";
import { EXIT } from "../exit-code.ts";
import { PLAIN, styleOf } from "../render/style.ts";
import { type ClientFlags, clientSettings, DEFAULT_URL } from "./settings.ts";

type Environment = Readonly<Record<string, string>>;

/** A working folder with a folder `etc`, in which the configuration file is. */
function scene(t: TestContext) {
  const workingDir = mkdtempSync(join(tmpdir(), "counterpart-settings-"));
  t.after(() => rmSync(workingDir, { recursive: true }));
  mkdirSync(join(workingDir, "etc"));
  const writeConfig = (content: object): void =>
    writeFileSync(join(workingDir, "etc", "client.json"), JSON.stringify(content));
  const settings = (flags: ClientFlags, environment: Environment = {}) =>
    clientSettings(flags, createTestTerminal({ environment, workingDir }).context);
  const refused = (words: RegExp, flags: ClientFlags, environment: Environment = {}): void =>
    assert.throws(
      () => settings(flags, environment),
      (error) => isCodedError(error, "INVALID_CONFIG") && words.test(error.message),
    );
  return { workingDir, writeConfig, settings, refused };
}

test("a flag wins over the environment, which wins over the file, which wins over the default", (t) => {
  const { writeConfig, settings } = scene(t);
  assert.deepEqual(settings({}), { isUrlGiven: false, url: DEFAULT_URL, color: "auto" });
  writeConfig({ url: "http://c", timeout_ms: 3, color: "never", api_port: 8081 });
  const byFile = settings({ config: "etc/client.json" });
  assert.deepEqual(byFile, { isUrlGiven: true, url: "http://c", timeoutMs: 3, color: "never" });
  const environment = {
    COUNTERPART_CONFIG: "etc/client.json",
    COUNTERPART_URL: "http://b/x/api/v1/",
    COUNTERPART_TIMEOUT_MS: "2",
    COUNTERPART_COLOR: "",
  };
  const byVariable = settings({}, environment);
  assert.deepEqual(byVariable, { isUrlGiven: true, url: "http://b/x", timeoutMs: 2, color: "never" });
  const byFlag = settings({ url: "https://a", timeoutMs: "1", color: "always" }, environment);
  assert.deepEqual(byFlag, { isUrlGiven: true, url: "https://a", timeoutMs: 1, color: "always" });
});

test("the token is that of the earlier source, and a file of it is found from where it is named", (t) => {
  const { workingDir, writeConfig, settings, refused } = scene(t);
  writeFileSync(join(workingDir, "etc", "api-token"), "of-file\n");
  writeConfig({ token_file: "api-token" });
  const config = "etc/client.json";
  assert.equal(settings({ config }).token, "of-file");
  assert.equal(settings({ config }, { COUNTERPART_TOKEN: "e" }).token, "e");
  assert.equal(settings({ tokenFile: "etc/api-token" }, { COUNTERPART_TOKEN: "e" }).token, "of-file");
  assert.equal(settings({ token: "t", tokenFile: "etc/api-token" }).token, "t");
  assert.equal(settings({}).token, undefined);
  refused(/^--token-file: the token cannot be read: .*ENOENT/, { tokenFile: "nowhere" });
  writeFileSync(join(workingDir, "etc", "api-token"), "of file");
  refused(/^"token_file" in .*: .*api-token must hold printable/, { config });
});

test("what does not fit is refused with the name of its source, and a token is not repeated", (t) => {
  const { writeConfig, refused } = scene(t);
  refused(/^--url must be an address such as http:\S+, not "ftp:\/\/a"$/, { url: "ftp://a" });
  refused(/^COUNTERPART_URL must be an address/, {}, { COUNTERPART_URL: "x" });
  refused(/^--token must be printable ASCII characters without spaces$/, { token: "a\nb" });
  refused(/^--timeout-ms must be a number from 1 to 3600000, not "0"$/, { timeoutMs: "0" });
  writeConfig({ color: "red" });
  refused(/^"color" in .*client.json must be auto, always or never, not "red"$/, { config: "etc/client.json" });
  refused(/none.json cannot be read/, { config: "none.json" });
});

test("colours are as they are asked for, and else for terminals", async (t) => {
  const { workingDir } = scene(t);
  const isColored = async (words: readonly string[], isTerminal: boolean, environment: Environment = {}) => {
    const terminal = createTestTerminal({ isTerminal, environment, workingDir });
    const { code, out } = await runCommand(["config", "print", "--dev", ...words], terminal);
    assert.equal(code, EXIT.ok);
    return out.includes("\x1b[1mdev");
  };
  assert.equal(await isColored([], true), true);
  assert.equal(await isColored([], false), false);
  assert.equal(await isColored(["--color", "always"], false), true);
  assert.equal(await isColored(["--color", "never"], true), false);
  assert.equal(await isColored(["--color", "auto"], true, { NO_COLOR: "1" }), false);
  assert.equal(await isColored([], true, { COUNTERPART_COLOR: "never" }), false);
  assert.equal(styleOf({ isTerminal: true, isColored: false, environment: {} }), PLAIN);
});
