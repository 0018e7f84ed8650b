// What was given out here and ends soon: tokens of directory sync, and what clients prove themselves with.

import type { Sql } from '../sql/sql.ts';
import { credentialsOf, listClients } from '../store/clients.ts';
import { isLive, listTokens } from '../token.ts';
import { type Finding, findings, nearEnd } from './finding.ts';

/** Of every tenant; what has ended already is nobody's surprise any more. Times in milliseconds. */
export async function checkEnds(sql: Pick<Sql, 'all'>, now: number): Promise<Finding[]> {
  const say = findings('Sync tokens');
  const found: Finding[] = [];
  const add = (what: string, expires: number | undefined, remedy: string) => {
    const near = expires === undefined ? undefined : nearEnd(expires, now);
    if (near !== undefined) found.push(say.warn(`${what} ${near}: ${remedy}`));
  };
  const tenants = await sql.all`select id from tenant order by id`;
  for (const { id } of tenants) {
    const tenant = String(id);
    const of = tenant === 'default' ? '' : ` of tenant ${tenant}`;
    for (const token of await listTokens(sql, tenant)) {
      if (token.kind !== 'long' || !isLive(token, now)) continue;
      add(`“${token.name}” (${token.id})${of}`, token.expires, `token rotate ${token.id}`);
    }
    for (const client of await listClients(sql, tenant)) {
      if (client.revoked !== undefined) continue;
      const credentials = (await credentialsOf(sql, tenant, client.id)).filter((one) => isLive(one, now));
      // One that outlives the others is the next one, made already.
      const last = Math.max(...credentials.map(({ expires }) => expires ?? Number.POSITIVE_INFINITY));
      if (Number.isFinite(last))
        add(`Last credential of “${client.name}” (${client.id})${of}`, last, `client rotate ${client.id}`);
    }
  }
  return found.length > 0 ? found : [say.ok('none ends within 30 days')];
}
