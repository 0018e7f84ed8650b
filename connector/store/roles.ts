// Administrator roles of people in the embedded directory, by role template id. Given at the command line only: nothing
// that a sync client sends can make an administrator.

import { Problem } from '#shared/problem.ts';
import { record } from '../audit.ts';
import type { Sql, Tx, Work } from '../sql/sql.ts';
import type { Stamp } from './users.ts';

/** The role template ids that a person holds, in a fixed order. */
export async function rolesOf(sql: Pick<Sql, 'all'>, tenant: string, userId: string): Promise<string[]> {
  const rows = await sql.all<{ id: string }>`select role_template_id as id from role_assignment
    where tenant = ${tenant} and user_id = ${userId} order by role_template_id`;
  return rows.map(({ id }) => id);
}

/**
 * Gives a person a role. False: they hold it already.
 * @throws Problem notFound when there is no such person
 */
export function* assignRole(tx: Tx, tenant: string, userId: string, roleId: string, by: Stamp): Work<boolean> {
  const person = yield* tx.get`select id from app_user where tenant = ${tenant} and id = ${userId}`;
  if (!person) throw new Problem('notFound');
  const added = yield* tx.run`insert into role_assignment (tenant, user_id, role_template_id, created)
    values (${tenant}, ${userId}, ${roleId}, ${by.at}) on conflict do nothing`;
  if (added === 0) return false;
  yield* recordRole(tx, tenant, 'role.assigned', userId, roleId, by);
  return true;
}

/** Takes a role from a person. False: they did not hold it. */
export function* removeRole(tx: Tx, tenant: string, userId: string, roleId: string, by: Stamp): Work<boolean> {
  const removed = yield* tx.run`delete from role_assignment
    where tenant = ${tenant} and user_id = ${userId} and role_template_id = ${roleId}`;
  if (removed === 0) return false;
  yield* recordRole(tx, tenant, 'role.removed', userId, roleId, by);
  return true;
}

function recordRole(tx: Tx, tenant: string, action: string, userId: string, role: string, by: Stamp): Work<void> {
  return record(tx, { tenant, at: by.at, actor: by.actor, action, target: `user:${userId}`, detail: { role } });
}
