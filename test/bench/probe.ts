// Looks at a process from inside: how late its event loop is, how often it commits, what it holds. Loaded into the real
// `serve` with `--import`, it changes nothing of what that does; it answers on the socket that PROBE_SOCKET names.

import { createServer } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { DatabaseSync, type StatementSync } from 'node:sqlite';

/** What has been seen since the last look. Milliseconds, MiB. */
export interface Seen {
  readonly loop: { readonly p50: number; readonly p99: number; readonly max: number };
  /** User and system time of the whole process, all threads. */
  readonly cpu: number;
  /** Of that, the thread that runs the event loop. */
  readonly loopCpu: number;
  /** Groups of units of work that were begun, and those that had changed something: each of these is one fsync of the log. */
  readonly groups: number;
  readonly commits: number;
  /** Resident now. */
  readonly resident: number;
}

const delay = monitorEventLoopDelay({ resolution: 2 });
delay.enable();
let groups = 0;
let commits = 0;
let used = process.cpuUsage();
let usedHere = process.threadCpuUsage();

const prepare = DatabaseSync.prototype.prepare;
DatabaseSync.prototype.prepare = function (this: DatabaseSync, text: string): StatementSync {
  const statement = prepare.call(this, text);
  if (text !== 'commit') return statement;
  const changes = prepare.call(this, 'select total_changes() as n');
  const run = statement.run.bind(statement);
  let last = 0;
  // A commit has no values.
  statement.run = () => {
    const now = Number(changes.get()?.n);
    if (now !== last) commits++;
    last = now;
    groups++;
    return run();
  };
  return statement;
};

function look(): Seen {
  const ms = (nanoseconds: number) => nanoseconds / 1e6;
  const [cpu, here] = [process.cpuUsage(used), process.threadCpuUsage(usedHere)];
  const seen = {
    loop: { p50: ms(delay.percentile(50)), p99: ms(delay.percentile(99)), max: ms(delay.max) },
    cpu: (cpu.user + cpu.system) / 1000,
    loopCpu: (here.user + here.system) / 1000,
    ...{ groups, commits },
    resident: process.memoryUsage.rss() / 1024 / 1024,
  };
  delay.reset();
  used = process.cpuUsage();
  usedHere = process.threadCpuUsage();
  groups = 0;
  commits = 0;
  return seen;
}

const where = process.env.PROBE_SOCKET;
if (where !== undefined) {
  createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.end(JSON.stringify(look()));
  })
    .listen(where)
    .unref();
}
