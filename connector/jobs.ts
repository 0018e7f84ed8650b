// Durable work: a row per thing to be done, enqueued in the transaction that wants it. A worker claims due rows under a
// lease with an increasing epoch; whatever it writes elsewhere carries that epoch, so that a late worker bounces.

import type { Sql, Tx, Work } from './sql/sql.ts';

/** The channel on which workers are told that something may be due. */
export const jobs = 'job';

export interface Job {
  readonly tenant: string;
  readonly kind: string;
  /** What it is about; with tenant and kind its key. */
  readonly ref: string;
  /** Whose change wakes it: a user id. */
  readonly subject: string | null;
  readonly attempts: number;
  readonly epoch: number;
  readonly leasedUntil: number;
}

/**
 * Enqueues a job, or brings forward the one that is there already; while that is leased, and until its lease is given back or
 * taken over, this is a wake-up. Times in milliseconds since the epoch.
 */
export function* enqueue(
  tx: Tx,
  job: { tenant: string; kind: string; ref: string; subject?: string; dueAt: number },
): Work<void> {
  yield* tx.run`insert into job (tenant, kind, ref, subject, due_at, attempts, epoch, leased_until)
    values (${job.tenant}, ${job.kind}, ${job.ref}, ${job.subject ?? null}, ${job.dueAt}, 0, 0, 0)
    on conflict (tenant, kind, ref) do update set
      due_at = case when excluded.due_at < job.due_at then excluded.due_at
        when job.leased_until > 0 and job.due_at >= job.leased_until then job.leased_until - 1 else job.due_at end`;
  yield* tx.signal(jobs, job.kind);
}

/** Something happened to this person: whoever waits for it looks now. */
export function* wakeSubject(tx: Tx, tenant: string, subject: string, now: number): Work<void> {
  // A lease that has ended without being given back may still be: its holder must find that it was woken. Written also where
  // nothing is to be changed: whoever is about to take the job then waits, or this runs again and finds it taken.
  const woken = yield* tx.run`update job set due_at = case when due_at > ${now} then ${now}
      when leased_until > 0 and due_at >= leased_until then leased_until - 1 else due_at end
    where tenant = ${tenant} and subject = ${subject}`;
  if (woken > 0) yield* tx.signal(jobs);
}

/**
 * The next due job, leased to the caller for `lease` milliseconds under a new epoch; undefined when none is due. Run under
 * `readCommitted`: then two workers never wait for each other, nor for whoever wakes a job.
 */
export function* claim(tx: Tx, kind: string, now: number, lease: number): Work<Job | undefined> {
  const row = yield* tx.get<{ tenant: string; ref: string; subject: string | null; attempts: number; epoch: number }>`
    select tenant, ref, subject, attempts, epoch from job /* skip locked */
    where kind = ${kind} and due_at <= ${now} and leased_until <= ${now} order by due_at limit 1`;
  if (!row) return undefined;
  const job = { ...row, kind, epoch: row.epoch + 1, attempts: row.attempts + 1, leasedUntil: now + lease };
  // While it is leased its due time is the lease's end: an earlier one, found at release, is a wake-up that came meanwhile.
  yield* tx.run`update job set epoch = ${job.epoch}, attempts = ${job.attempts}, leased_until = ${job.leasedUntil},
      due_at = ${job.leasedUntil}
    where tenant = ${job.tenant} and kind = ${kind} and ref = ${job.ref}`;
  return job;
}

/**
 * Gives a job back, due again at `dueAt`, or done with (`dueAt` undefined). A wake-up that arrived while the job was
 * leased is kept: then it is due at once. False: the lease has passed to another. The lease is told by its end as well as by
 * its epoch: a job that has ended and was made anew counts from one again.
 */
export function* release(tx: Tx, job: Job, then: { dueAt: number | undefined; attempts?: number }): Work<boolean> {
  const dueAt = then.dueAt;
  if (dueAt === undefined) {
    const ended = yield* tx.run`delete from job where tenant = ${job.tenant} and kind = ${job.kind} and ref = ${job.ref}
      and leased_until = ${job.leasedUntil} and epoch = ${job.epoch} and due_at >= ${job.leasedUntil}`;
    if (ended === 1) return true;
  }
  const given = yield* tx.run`update job set leased_until = 0, attempts = ${then.attempts ?? job.attempts},
      due_at = case when due_at < ${job.leasedUntil} then due_at else ${dueAt ?? 0} end
    where tenant = ${job.tenant} and kind = ${job.kind} and ref = ${job.ref}
      and leased_until = ${job.leasedUntil} and epoch = ${job.epoch}`;
  return given === 1;
}

/**
 * When the earliest job of a kind can be claimed; undefined when there is none. Not later than that as long as fewer than a
 * hundred are leased and have been woken meanwhile: thousands may wait, and are not all looked at.
 */
export async function nextDue(sql: Sql, kind: string): Promise<number | undefined> {
  const row = await sql.get<{ due: number | null }>`
    select min(case when leased_until > due_at then leased_until else due_at end) as due
    from (select due_at, leased_until from job where kind = ${kind} order by due_at limit 100) as next`;
  return row?.due ?? undefined;
}
