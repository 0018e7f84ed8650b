// A virtual event loop: time passes only when nothing is left to be done now, and which of several things that could
// happen now happens first is drawn. Between two of them every promise that can settle has settled.

import type { Scheduler } from '../../connector/scheduler.ts';
import type { Random } from './random.ts';

/** Whose work it is: that of a process that has died is dropped, that of a stopped one waits. */
export interface Owner {
  alive: boolean;
  frozen: boolean;
}

interface Entry {
  readonly at: number;
  readonly order: number;
  readonly owner: Owner;
  readonly work: () => void;
  cancelled: boolean;
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
/** All promises that can settle have: ticks come when no microtask is left. Ten times cheaper than a turn. */
const settled = () => new Promise<void>((resolve) => process.nextTick(resolve));

export class Loop {
  /** Milliseconds since the epoch, by the one clock that is right. */
  now: number;
  steps = 0;
  /** Turns of the real loop after each step: as many as it takes while streams of Node take part, else none. */
  turns = () => 0;
  readonly #random: Random;
  readonly #later: Entry[] = [];
  #ready: Entry[] = [];
  #order = 0;
  #here = 0;
  #since = 0;

  constructor(now: number, random: Random) {
    this.now = now;
    this.#random = random;
  }

  /** Has a great deal been done, and no time has passed? */
  get turnsOnTheSpot(): boolean {
    return this.#here > 20_000;
  }

  /** The scheduler of one owner. */
  scheduler(owner: Owner): Scheduler {
    return {
      soon: (work) => void this.#ready.push(this.#entry(owner, this.now, work)),
      after: (milliseconds, work) => this.after(owner, milliseconds, work),
    };
  }

  /** Does something so much later, unless it is taken back. */
  after(owner: Owner, milliseconds: number, work: () => void): () => void {
    const wait = Number.isFinite(milliseconds) ? Math.max(0, milliseconds) : 365 * 86_400_000;
    const entry = this.#entry(owner, this.now + wait, work);
    this.#push(entry);
    return () => {
      entry.cancelled = true;
    };
  }

  /** Does the next thing; false when there is none before `until`. */
  async step(until: number): Promise<boolean> {
    const entry = this.#next(until);
    if (!entry) return false;
    this.steps++;
    this.#here = entry.at > this.#since ? 0 : this.#here + 1;
    this.#since = Math.max(this.#since, entry.at);
    entry.work();
    const turns = this.turns();
    for (let i = turns; i > 0; i--) await turn();
    if (turns === 0) await settled();
    return true;
  }

  #entry(owner: Owner, at: number, work: () => void): Entry {
    return { at, order: this.#order++, owner, work, cancelled: false };
  }

  #next(until: number): Entry | undefined {
    for (;;) {
      while (this.#later[0] && this.#later[0].at <= this.now) this.#ready.push(this.#pop() as Entry);
      this.#ready = this.#ready.filter(({ cancelled, owner }) => !cancelled && owner.alive);
      const able = this.#ready.filter(({ owner }) => !owner.frozen);
      if (able.length > 0) {
        const entry = able[able.length === 1 ? 0 : this.#random.int(able.length)] as Entry;
        this.#ready.splice(this.#ready.indexOf(entry), 1);
        return entry;
      }
      const next = this.#later[0];
      if (!next || next.at > until) {
        this.now = Math.max(this.now, until);
        return undefined;
      }
      this.now = next.at;
    }
  }

  // a binary heap by time, then by order

  #before(a: Entry, b: Entry): boolean {
    return a.at < b.at || (a.at === b.at && a.order < b.order);
  }

  #push(entry: Entry): void {
    const heap = this.#later;
    let i = heap.push(entry) - 1;
    for (let up = (i - 1) >> 1; i > 0 && this.#before(entry, heap[up] as Entry); up = (i - 1) >> 1) {
      heap[i] = heap[up] as Entry;
      i = up;
    }
    heap[i] = entry;
  }

  #pop(): Entry | undefined {
    const heap = this.#later;
    const [first] = heap;
    const last = heap.pop();
    if (!first || !last || heap.length === 0) return first;
    let i = 0;
    for (;;) {
      let down = 2 * i + 1;
      if (down >= heap.length) break;
      if (down + 1 < heap.length && this.#before(heap[down + 1] as Entry, heap[down] as Entry)) down++;
      if (!this.#before(heap[down] as Entry, last)) break;
      heap[i] = heap[down] as Entry;
      i = down;
    }
    heap[i] = last;
    return first;
  }
}
