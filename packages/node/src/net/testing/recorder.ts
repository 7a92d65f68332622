/** Handlers that record what a network calls, and wait for it. */

import type { Link, LinkHandlers } from "@counterpart/core/ports/network";

export interface RecordedLink {
  readonly link: Link;
  readonly frames: Uint8Array[];
  /** The reasons that `onClose` was called with, once each. */
  readonly closes: (string | undefined)[];
}

export interface RecorderOptions {
  /** Answers requests; echoes when absent. */
  readonly onRequest?: (frame: Uint8Array) => Promise<Uint8Array>;
  readonly onFrame?: (frame: Uint8Array) => void;
}

export class Recorder {
  readonly links: RecordedLink[] = [];
  readonly requests: Uint8Array[] = [];
  readonly #options: RecorderOptions;
  readonly #waiting = new Set<() => void>();

  constructor(options: RecorderOptions = {}) {
    this.#options = options;
  }

  readonly accept = (link: Link): LinkHandlers => {
    const recorded: RecordedLink = { link, frames: [], closes: [] };
    this.links.push(recorded);
    this.#changed();
    return {
      onFrame: (frame) => {
        recorded.frames.push(frame);
        this.#changed();
        this.#options.onFrame?.(frame);
      },
      onRequest: (frame) => {
        this.requests.push(frame);
        this.#changed();
        return this.#options.onRequest?.(frame) ?? Promise.resolve(frame);
      },
      onClose: (reason) => {
        recorded.closes.push(reason);
        this.#changed();
      },
    };
  };

  /** Links that have not been closed. */
  get open(): RecordedLink[] {
    return this.links.filter(({ closes }) => closes.length === 0);
  }

  /** The link at `index`, once there is one. */
  async link(index = 0): Promise<RecordedLink> {
    await this.until(() => this.links.length > index);
    return this.links[index] as RecordedLink;
  }

  /** Resolves when the condition holds; looked at after every call. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  #changed(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
