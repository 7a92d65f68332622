/** Typed events. A listener that throws is logged and harms nobody else. */

import type { Logger } from "@counterpart/core/ports/runtime";

type Listener = (...args: never[]) => void;

export interface Emitter<Events extends { [K in keyof Events]: Listener }> {
  /** Returns the function that unsubscribes. */
  on<K extends keyof Events>(event: K, listener: Events[K]): () => void;
  emit<K extends keyof Events>(event: K, ...args: Parameters<Events[K]>): void;
}

export function createEmitter<Events extends { [K in keyof Events]: Listener }>(logger: Logger): Emitter<Events> {
  const listeners = new Map<keyof Events, Set<Listener>>();
  return {
    on(event, listener) {
      const set = listeners.get(event) ?? new Set<Listener>();
      listeners.set(event, set);
      set.add(listener);
      return () => set.delete(listener);
    },
    emit(event, ...args) {
      for (const listener of [...(listeners.get(event) ?? [])]) {
        try {
          Reflect.apply(listener, undefined, args);
        } catch (error) {
          logger.error("an event listener failed", { event: String(event), error: String(error) });
        }
      }
    },
  };
}
