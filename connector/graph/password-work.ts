// The work behind a 202: sets the password and ends the operation in one transaction, so that an operation that never
// ended changed nothing. The password is in memory alone; when the process ends first, the operation is told as failed.

import type { FastifyInstance } from 'fastify';
import { Problem } from '#shared/problem.ts';
import type { Tx, Work } from '../sql/sql.ts';
import { endOperation, runOperation } from '../store/operations.ts';
import type { Stamp } from '../store/resource.ts';
import { contentOf, readStored } from '../store/users.ts';
import { authorise, type Caller } from './authority.ts';
import type { GraphDeps } from './deps.ts';
import { GraphError } from './error.ts';
import { assignPassword } from './password.ts';
import { obstacleToPassword } from './password-obstacle.ts';

export interface PasswordWork {
  /** Who asked for it. */
  readonly access: Caller;
  readonly operation: string;
  readonly userId: string;
  readonly by: Stamp;
  readonly password: string;
}

/** Takes work that is done by and by; the door does not close before it is. */
export function passwordWork(
  app: FastifyInstance,
  { sql, hashing, now, log }: Pick<GraphDeps, 'sql' | 'hashing' | 'now' | 'log'>,
): (work: PasswordWork) => void {
  const underWay = new Set<Promise<void>>();
  app.addHook('onClose', async () => {
    await Promise.all(underWay);
  });

  function* done(tx: Tx, { access, operation, userId, by }: PasswordWork, hash: string, at: number): Work<void> {
    const { tenant, oid } = access;
    if (!(yield* endOperation(tx, tenant.id, operation, { status: 'succeeded', at }))) return;
    const stored = yield* readStored(tx, tenant.id, userId);
    if (!stored) throw new Problem('targetUnknown');
    // Asked before the 202, and now again: hashing takes its time, and roles come and go.
    yield* authorise(tx, access, 'resetPassword', userId);
    const obstacle = obstacleToPassword(tenant, contentOf(stored), { synced: 'may' });
    if (obstacle) throw obstacle;
    // Whoever gets a password that another has chosen replaces it: this way of resetting knows no other.
    yield* assignPassword(tx, tenant.id, userId, { hash, forceChange: true }, oid, { ...by, at });
  }

  async function run(work: PasswordWork): Promise<void> {
    const { operation } = work;
    const tenant = work.access.tenant.id;
    try {
      await sql.run((tx) => runOperation(tx, tenant, operation, now()));
      const hash = await hashing.turn((argon) => argon.hash(work.password));
      await sql.run((tx) => done(tx, work, hash, now()));
    } catch (error) {
      const detail = detailOf(error);
      if (!(error instanceof Problem || error instanceof GraphError)) log.error({ err: error }, 'graph operation');
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
  if (error instanceof GraphError) {
    return error.status === 403 ? 'The caller may not do this any more. Nothing was changed.' : error.message;
  }
  if (!(error instanceof Problem)) return 'The service failed. Nothing was changed.';
  if (error.code === 'targetUnknown') return 'The user does not exist any more. Nothing was changed.';
  return 'The service was too busy. Nothing was changed.';
}
