/** Server-sent events (HTML Living Standard, 9.2.6), from the text of a stream to what it says. */

import { CodedError } from "@counterpart/core/base/errors";

export interface StreamEvent {
  readonly type: string;
  readonly data: string;
  /** Where to go on after it; empty when the stream gave none. */
  readonly id: string;
}

export interface EventStreamParser {
  /** @throws CodedError `CONNECTION_FAILED` when a line or an event does not end */
  push(text: string): StreamEvent[];
  /** The last id that was received, also without an event. */
  readonly lastId: string;
}

/** Of one event, and of one line: far above what a node sends. */
const CHARACTERS_MAX = 1024 * 1024;

const tooLong = (): CodedError => new CodedError("CONNECTION_FAILED", "the stream of events holds one without end");

/** @param lastId where an earlier stream ended */
export function createEventStreamParser(lastId = ""): EventStreamParser {
  let rest = "";
  let id = lastId;
  let committed = lastId;
  let type = "";
  let data: string[] = [];
  let characters = 0;

  /** An empty line: what came before it is an event, if it had data. */
  const dispatch = (): StreamEvent | undefined => {
    committed = id;
    const event = data.length === 0 ? undefined : { type: type === "" ? "message" : type, data: data.join("\n"), id };
    type = "";
    data = [];
    characters = 0;
    return event;
  };
  const field = (line: string): void => {
    const colon = line.indexOf(":");
    const name = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "event") type = value;
    else if (name === "id" && !value.includes("\0")) id = value;
    else if (name === "data") {
      characters += value.length + 1;
      if (characters > CHARACTERS_MAX) throw tooLong();
      data.push(value);
    }
  };
  return {
    get lastId() {
      return committed;
    },
    push(text) {
      // A carriage return at the end may be the first half of an end of line.
      const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? "";
      if (rest.length > CHARACTERS_MAX) throw tooLong();
      const events: StreamEvent[] = [];
      for (const line of lines) {
        if (line !== "") field(line);
        else {
          const event = dispatch();
          if (event !== undefined) events.push(event);
        }
      }
      return events;
    },
  };
}
