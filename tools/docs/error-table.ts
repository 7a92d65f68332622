/** docs/ERRORS.md: every error code, its HTTP status and what it means, from the catalogue. */

import { ERROR_CATALOGUE } from "@counterpart/core/base/error-catalogue";

export interface DocumentedError {
  readonly code: string;
  readonly status: number;
  readonly meaning: string;
}

const HEAD = `# Errors

Every error that a caller or peer can cause has a code, which stays what it is from version to version; its message is
for people and may change. The REST API answers with a problem document (RFC 9457): its status is the one below, its
\`code\` the code. Further members say what was wrong with this one request.

This page is made from the program's catalogue by \`npm run docs\`, and a test compares the two.

| code | status | meaning |
|---|---|---|
`;

const ROW = /^\| `([A-Z0-9_]+)` \| (\d+) \| (.+) \|$/;

export const catalogued = (): DocumentedError[] =>
  Object.entries(ERROR_CATALOGUE).map(([code, { status, meaning }]) => ({ code, status, meaning }));

export function renderErrors(errors: readonly DocumentedError[]): string {
  return HEAD + errors.map(({ code, status, meaning }) => `| \`${code}\` | ${status} | ${meaning} |\n`).join("");
}

/** The rows of a rendered page. */
export function parseErrors(page: string): DocumentedError[] {
  return page.split("\n").flatMap((line) => {
    const [, code, status, meaning] = ROW.exec(line) ?? [];
    if (code === undefined || status === undefined || meaning === undefined) return [];
    return [{ code, status: Number(status), meaning }];
  });
}
