/** A real browser without a window, with one page in it. */

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, chromium, type Page as Tab } from "playwright-core";
import type { Page } from "./page.ts";

/** Names a Chromium that is somewhere else. */
export const CHROMIUM_VARIABLE = "COUNTERPART_CHROMIUM";
const USUAL_PATHS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const ARGUMENTS = [
  ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
  ...["--disable-component-update", "--disable-sync"],
];

export function findChromium(named = process.env[CHROMIUM_VARIABLE]): string | undefined {
  return (named === undefined ? USUAL_PATHS : [named]).find(existsSync);
}

/** A page at an address of loopback, as nodes let pages ask them. */
async function servePage(code: string): Promise<Server> {
  const server = createServer(({ url }, response) => {
    const isCode = url === "/page.js";
    response.setHeader("content-type", isCode ? "text/javascript" : "text/html");
    response.end(
      isCode ? code : '<!doctype html><title>Counterpart</title><script type="module" src="page.js"></script>',
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

type WithPage = typeof globalThis & { readonly counterpart: Page };

export interface Browser extends AsyncDisposable {
  readonly version: string;
  readonly ask: Page["ask"];
  readonly askWithEachByteSpoilt: Page["askWithEachByteSpoilt"];
}

/** Calls of the page's functions: they run there. */
function callsOf(page: Tab): Pick<Browser, "ask" | "askWithEachByteSpoilt"> {
  return {
    ask: (name, question) =>
      page.evaluate(({ name, question }) => (globalThis as WithPage).counterpart.ask(name, question as never), {
        name,
        question: question as unknown,
      }),
    askWithEachByteSpoilt: (name, question, field) =>
      page.evaluate(
        ({ name, question, field }) =>
          (globalThis as WithPage).counterpart.askWithEachByteSpoilt(name, question as never, field as never),
        { name, question: question as unknown, field: field as string },
      ),
  };
}

/** The browser without a page, which goes with what it is opened for. */
export async function openContext(executablePath: string, opened: AsyncDisposableStack): Promise<BrowserContext> {
  const folder = mkdtempSync(join(tmpdir(), "counterpart-browser-"));
  opened.defer(() => rmSync(folder, { recursive: true, force: true }));
  const options = { executablePath, headless: true, args: ARGUMENTS };
  const context = await chromium.launchPersistentContext(folder, options);
  opened.defer(() => context.close());
  return context;
}

/** @param code of the page's one module */
export async function openBrowser(executablePath: string, code: string): Promise<Browser> {
  await using opened = new AsyncDisposableStack();
  const server = opened.use(await servePage(code));
  const context = await openContext(executablePath, opened);
  const page = await context.newPage();
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  await page.waitForFunction(() => "counterpart" in globalThis);
  const kept = opened.move();
  return {
    version: context.browser()?.version() ?? "",
    ...callsOf(page),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
