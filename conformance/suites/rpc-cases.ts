/**
 * The request and response pairs of execution-apis, one file a case: `>>` is a request, `<<` the answer that was
 * recorded, `//` a comment. `// speconly:` says that only the form of the answer is given.
 * Source: execution-apis, tests/README.md.
 */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { check } from "../suite.ts";
import type { Json } from "../vector-files.ts";

export interface Exchange {
  /** Sent as it stands. */
  readonly request: string;
  readonly answer: Json;
}

export interface RpcCase {
  /** `method/case.io`. */
  readonly id: string;
  readonly method: string;
  /** Only the form of the answers is given. */
  readonly isFormOnly: boolean;
  readonly exchanges: readonly Exchange[];
}

const EXTENSION = ".io";

/** Every case below `folder`, as `method/case.io`. */
export function listRpcCases(folder: string): string[] {
  const folders = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return folders
    .flatMap(({ name }) => readdirSync(join(folder, name)).map((file) => `${name}/${file}`))
    .filter((id) => id.endsWith(EXTENSION))
    .sort();
}

/** @throws Error that says what is wrong with the file */
export function parseRpcCase(id: string, text: string): RpcCase {
  const exchanges: Exchange[] = [];
  let request: string | undefined;
  for (const line of text.split("\n")) {
    if (line.startsWith(">>")) {
      check(request === undefined, "a request follows a request");
      request = line.slice(2).trim();
    } else if (line.startsWith("<<")) {
      check(request !== undefined, "an answer has no request");
      exchanges.push({ request, answer: JSON.parse(line.slice(2)) as Json });
      request = undefined;
    } else check(line.trim() === "" || line.startsWith("//"), `neither request, answer nor comment: ${line}`);
  }
  check(request === undefined && exchanges.length > 0, "a request has no answer");
  return { id, method: id.split("/")[0] ?? "", isFormOnly: /^\/\/\s*speconly\b/m.test(text), exchanges };
}

export const readRpcCase = (folder: string, id: string): RpcCase =>
  parseRpcCase(id, readFileSync(join(folder, id), "utf8"));
