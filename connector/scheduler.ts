// When code goes on later: the event loop of this process, or the one of a simulation, which chooses the order. Nothing
// here is durable: whatever must happen is a due time in the database, and this only says when to look.

/** Hands work to an event loop. Times in milliseconds. */
export interface Scheduler {
  /** Once the event loop has turned. */
  soon(work: () => void): void;
  /** After so long, unless the returned function is called before. */
  after(milliseconds: number, work: () => void): () => void;
}

/** The event loop of this process. */
export const eventLoop: Scheduler = {
  soon: (work) => void setImmediate(work),
  after(milliseconds, work) {
    const timer = setTimeout(work, milliseconds);
    return () => clearTimeout(timer);
  },
};
