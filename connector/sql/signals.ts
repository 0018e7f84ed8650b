// Who listens in this process, for both engines.

import type { Signal, Statement } from './sql.ts';

export interface Listeners {
  /** @param signal undefined: look at everything */
  tell(signal: Signal | undefined): void;
  listen(hear: (signal: Signal | undefined) => void): () => void;
  readonly size: number;
}

/** Those who listen in this process: each is told once for each time that it listens. */
export function listeners(): Listeners {
  const hearing = new Set<(signal: Signal | undefined) => void>();
  return {
    tell(signal) {
      for (const hear of hearing) hear(signal);
    },
    listen(hear) {
      // The same function may listen twice.
      const own = (signal: Signal | undefined) => hear(signal);
      hearing.add(own);
      return () => void hearing.delete(own);
    },
    get size() {
      return hearing.size;
    },
  };
}

/** The signal that a statement of kind `signal` stands for. */
export function signalOf({ text, values: [content] }: Statement): Signal {
  return { channel: text, content: String(content ?? '') };
}
