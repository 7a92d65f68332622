/** The tree of commands: each by itself, or in a group. */

import type { Command } from "./command.ts";

export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  load(): Promise<Command>;
}

export interface CommandGroup {
  readonly name: string;
  readonly summary: string;
  readonly entries: readonly CommandEntry[];
}

export type CommandNode = CommandEntry | CommandGroup;

export const isGroup = (node: CommandNode): node is CommandGroup => "entries" in node;

/** A command with its whole name, such as `["contracts", "list"]`. */
export interface NamedEntry {
  readonly path: readonly string[];
  readonly entry: CommandEntry;
}

export const commandsIn = (nodes: readonly CommandNode[]): readonly NamedEntry[] =>
  nodes.flatMap((node) =>
    isGroup(node)
      ? node.entries.map((entry) => ({ path: [node.name, entry.name], entry }))
      : [{ path: [node.name], entry: node }],
  );
