// What every simulation begins with: a migrated database with two organisations and their people, made once and copied for
// each run; and who these people are.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { roleTemplates } from '../../connector/policy/roles.ts';
import { migrate } from '../../connector/sql/migrate.ts';
import { openSqlite } from '../../connector/sql/sqlite.ts';
import { changePassword, hashing } from '../../connector/store/credentials.ts';
import { assignRole } from '../../connector/store/roles.ts';
import type { UserContent } from '../../connector/store/user-resource.ts';
import { createUser } from '../../connector/store/users.ts';
import { defaultPolicy, saveTenant, type Tenant } from '../../connector/tenant.ts';
import { quickArgon } from './quick-argon.ts';

export const linkHost = 'https://reset.contoso.example';
export const masterKey = new Uint8Array(32).fill(7);
/** When every simulation begins: a Monday morning. */
export const beginning = Date.UTC(2026, 10, 23, 8, 0, 0);

export interface Person {
  readonly tenant: string;
  readonly id: string;
  readonly name: string;
  readonly displayName: string;
  /** Where their private mail is read. */
  readonly home: string;
  readonly roles: readonly string[];
  /** What they could sign in with before anything was reset. */
  readonly password: string;
}

const person = (tenant: string, number: number, local: string, roles: readonly string[] = []): Person => ({
  tenant,
  id: `00000000-0000-7000-8000-${String(number).padStart(12, '0')}`,
  name: `${local}@${tenant === 'default' ? 'contoso' : 'fabrikam'}.example`,
  displayName: local,
  home: `${local}@home.example`,
  roles,
  password: `Before-${local}-9`,
});

const global = [roleTemplates['Global Administrator']];
const helpdesk = [roleTemplates['Helpdesk Administrator']];

export const admins: readonly Person[] = [
  person('default', 1, 'gwen', global),
  person('default', 2, 'paul', helpdesk),
  person('default', 3, 'hana', helpdesk),
  person('fabrikam', 4, 'dana', global),
];
export const people: readonly Person[] = [
  person('default', 11, 'amara'),
  person('default', 12, 'ada'),
  person('default', 13, 'ivan'),
  person('default', 14, 'nora'),
  person('fabrikam', 15, 'finn'),
];
export const everybody: readonly Person[] = [...admins, ...people];

/** The two organisations; `elsewhere`: their directory is not the connector's own. */
export function organisations(elsewhere: boolean): Tenant[] {
  return ['default', 'fabrikam'].map((id, i) => {
    const tid = `11111111-1111-4111-8111-11111111111${i}`;
    const name = id === 'default' ? 'Contoso' : 'Fabrikam';
    const domain = `${name.toLowerCase()}.example`;
    return {
      ...{ id, tid, name, domains: [domain], directory: elsewhere ? `graph://${tid}` : 'embedded' },
      ...{ issuer: `${linkHost}/signin/${id}`, clientId: 'api', mailFrom: `IT <it@${domain}>` },
      ...{ policy: defaultPolicy, branding: {} },
    };
  });
}

/** Makes the database; the bytes of its file. @param folder where it may lie meanwhile */
export async function makeGround(folder: string, elsewhere: boolean): Promise<Buffer> {
  const path = join(folder, `ground-${elsewhere ? 'elsewhere' : 'embedded'}.db`);
  const sql = openSqlite(path);
  const by = { at: beginning - 86_400_000, actor: 'operator' };
  const quick = hashing({ concurrency: 1, waiting: 100, argon: quickArgon });
  await migrate(sql);
  for (const tenant of organisations(elsewhere)) await sql.run((tx) => saveTenant(tx, tenant, by.at));
  for (const { tenant, id, name, displayName, home, roles, password } of everybody) {
    const content: UserContent = {
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
      ...{ userName: name, displayName, active: true },
      emails: [
        { value: name, type: 'work', primary: true },
        { value: home, type: 'home' },
      ],
    };
    await sql.run((tx) => createUser(tx, tenant, id, content, by));
    for (const role of roles) await sql.run((tx) => assignRole(tx, tenant, id, role, by));
    const change = { password, forceChange: false, changedBy: 'operator' as const };
    await changePassword({ sql, hashing: quick, now: () => by.at }, tenant, id, change);
  }
  await sql.close();
  return readFileSync(path);
}
