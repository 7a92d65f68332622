/** The states that nodes came to by executing blocks, each as it was written, to hold others against. */

import type { Hex } from "@counterpart/core/base/bytes";
import type { StoreReader } from "@counterpart/core/ports/store";
import type { SimNode } from "./node.ts";

export interface Archive {
  /** A node has executed the block that is its head now. */
  note(node: SimNode, head: Hex): void;
  /** Rows of whoever executed that block first. */
  at(head: Hex): StoreReader | undefined;
}

export function createArchive(): Archive {
  const states = new Map<Hex, StoreReader>();
  return {
    note({ disk }, head) {
      if (!states.has(head)) states.set(head, disk.open(() => true).snapshot());
    },
    at: (head) => states.get(head),
  };
}
