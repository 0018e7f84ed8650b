// The work behind a 202: sets the password and ends the operation in one transaction, so that an operation that never
// ended changed nothing. The password is in memory alone; when the process ends first, the operation is told as failed.

import type { FastifyInstance } from 'fastify';
import { Problem } from '#shared/problem.ts';
import type { Tx, Work } from '../sql/sql.ts';
import { endOperation, runOperation } from '../store/operations.ts';
import type { Stamp } from '../store/resource.ts';
import { readStored } from '../store/users.ts';
import type { GraphDeps } from './deps.ts';
import { assignPassword } from './password.ts';

export interface PasswordWork {
  readonly tenant: string;
  readonly operation: string;
  readonly userId: string;
  /** Who asked for it. */
  readonly oid: string;
  readonly by: Stamp;
  readonly password: string;
}

/** Takes work that is done by and by; the door does not close before it is. */
export function passwordWork(
  app: FastifyInstance,
  { sql, hashing, now, log }: GraphDeps,
): (work: PasswordWork) => void {
  const underWay = new Set<Promise<void>>();
  app.addHook('onClose', async () => {
    await Promise.all(underWay);
  });

  function* done(tx: Tx, { tenant, operation, userId, oid, by }: PasswordWork, hash: string, at: number): Work<void> {
    if (!(yield* endOperation(tx, tenant, operation, { status: 'succeeded', at }))) return;
    if (!(yield* readStored(tx, tenant, userId))) throw new Problem('targetUnknown');
    // Whoever gets a password that another has chosen replaces it: this way of resetting knows no other.
    yield* assignPassword(tx, tenant, userId, { hash, forceChange: true }, oid, { ...by, at });
  }

  async function run(work: PasswordWork): Promise<void> {
    const { tenant, operation } = work;
    try {
      await sql.run((tx) => runOperation(tx, tenant, operation, now()));
      const hash = await hashing.turn((argon) => argon.hash(work.password));
      await sql.run((tx) => done(tx, work, hash, now()));
    } catch (error) {
      const detail = detailOf(error);
      if (!(error instanceof Problem)) log.error({ err: error }, 'graph operation');
      await sql
        .run((tx) => endOperation(tx, tenant, operation, { status: 'failed', detail, at: now() }))
        .catch((late) => log.error({ err: late }, 'graph operation'));
    }
  }

  return (work) => {
    // Not in this turn: the answer goes first.
    const one = new Promise<void>((resolve) => setImmediate(resolve)).then(() => run(work));
    underWay.add(one);
    one.finally(() => underWay.delete(one));
  };
}

function detailOf(error: unknown): string {
  if (!(error instanceof Problem)) return 'The service failed. Nothing was changed.';
  if (error.code === 'targetUnknown') return 'The user does not exist any more. Nothing was changed.';
  return 'The service was too busy. Nothing was changed.';
}
