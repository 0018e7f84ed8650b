// Many runs on all cores: tasks are handed to worker threads one by one, and their sums are put together.

import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { add, type Broken, nothing, type Tally, type Task, type Told } from './tasks.ts';

export interface Result {
  readonly kind: Task['kind'];
  readonly tally: Tally;
  readonly broken: readonly Broken[];
  /** Tasks that were done, and those for which there was no time. */
  readonly tasks: number;
  readonly left: number;
}

/**
 * Carries out tasks; the sums by kind. `milliseconds`: no task is begun after so long, and those that run end.
 * @throws Error when a worker fails at something that is no violation
 */
export async function carryOutAll(
  tasks: readonly Task[],
  { milliseconds = Number.POSITIVE_INFINITY, threads = availableParallelism() } = {},
): Promise<Result[]> {
  const end = performance.now() + milliseconds;
  const queue = [...tasks];
  const results = new Map<Task['kind'], { tally: Tally; broken: Broken[]; tasks: number }>();
  const one = () =>
    new Promise<void>((resolve, reject) => {
      const worker = new Worker(new URL('worker.ts', import.meta.url));
      let task: Task | undefined;
      const next = () => {
        const left = end - performance.now();
        task = left > 0 ? queue.shift() : undefined;
        if (task) worker.postMessage({ task, milliseconds: left });
        else worker.postMessage('end');
      };
      worker.on('message', (told: Told | 'ready' | { failed: string }) => {
        if (told !== 'ready' && 'failed' in told) return reject(new Error(`${JSON.stringify(task)}: ${told.failed}`));
        if (told !== 'ready' && task) {
          const sums = results.get(task.kind) ?? { tally: nothing, broken: [], tasks: 0 };
          const tally = add(sums.tally, told.tally);
          results.set(task.kind, { tally, broken: [...sums.broken, ...told.broken], tasks: sums.tasks + 1 });
        }
        next();
      });
      worker.on('error', reject);
      worker.on('exit', () => resolve());
    });
  await Promise.all(Array.from({ length: Math.min(threads, tasks.length) }, one));
  const left = (kind: Task['kind']) => queue.filter((one) => one.kind === kind).length;
  return [...results].map(([kind, sums]) => ({ kind, ...sums, left: left(kind) }));
}
