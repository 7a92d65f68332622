/** A reader of the event stream that keeps all of it. */

import assert from "node:assert/strict";
import type { TestNode } from "./nodes.ts";

export interface Heard {
  readonly type: string;
  readonly data: Record<string, unknown>;
}

/** Everything that a node tells, from now on. */
export class Listener implements AsyncDisposable {
  readonly heard: Heard[] = [];
  readonly #abort = new AbortController();
  readonly #done: Promise<void>;

  private constructor(stream: Response) {
    this.#done = this.#read(stream).catch(() => {});
  }

  static async to(node: TestNode): Promise<Listener> {
    const listener = await fetch(`${node.url}/api/v1/events`);
    assert.equal(listener.status, 200);
    return new Listener(listener);
  }

  async #read(stream: Response): Promise<void> {
    const reader = (stream.body as ReadableStream<Uint8Array>).getReader();
    this.#abort.signal.addEventListener("abort", () => void reader.cancel());
    let text = "";
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      text += Buffer.from(chunk.value).toString();
      const blocks = text.split("\n\n");
      text = blocks.pop() as string;
      for (const block of blocks) {
        const [, type, data] = /^event: (.*)\ndata: (.*)$/m.exec(block) ?? [];
        if (type !== undefined) this.heard.push({ type, data: JSON.parse(data as string) as Heard["data"] });
      }
    }
  }

  about(hash: string): Heard[] {
    return this.heard.filter(({ type, data }) => type.startsWith("transaction.") && data.hash === hash);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.#done;
  }
}
