// Puts people and administrators into a cluster's database, as an operator could, and makes the administrators' tokens with
// the sign-in's own key: browsers are not what is tried here.

import { randomFillSync } from 'node:crypto';
import { importJWK, SignJWT } from 'jose';
import { readConfig } from '../../connector/config.ts';
import { openMasterKey } from '../../connector/master-key.ts';
import { roleTemplates } from '../../connector/policy/roles.ts';
import { readKeys } from '../../connector/signin/keys.ts';
import { openState } from '../../connector/state.ts';
import { assignRole } from '../../connector/store/roles.ts';
import type { UserContent } from '../../connector/store/user-resource.ts';
import { createUser } from '../../connector/store/users.ts';
import { uuidv7 } from '../../connector/store/uuid.ts';
import { cast } from '../people.ts';

export interface Person {
  readonly id: string;
  readonly userName: string;
}

export interface Admin extends Person {
  readonly displayName: string;
  readonly bearer: string;
}

export interface Settled {
  readonly admins: readonly [Admin, Admin];
  /** Somebody who has not been reset yet. */
  next(): Person;
}

/** @param env settings of a connector @param count how many people can be reset */
export async function settle(env: Readonly<Record<string, string>>, count: number): Promise<Settled> {
  const { config, lines } = readConfig(env, () => '');
  if (!config) throw new Error(lines.flatMap(({ problem }) => problem ?? []).join('\n'));
  const random = (bytes: number) => randomFillSync(new Uint8Array(bytes));
  const now = Date.now;
  const state = await openState(config, { now, random, env });
  const { sql } = state;
  try {
    const { keyring } = await openMasterKey(sql, config.secretKey, undefined);
    const tenant = await state.tenants.byId('default');
    const [jwk] = (await readKeys({ sql, keyring, now, random }, 'default')).signing;
    if (!tenant || !jwk) throw new Error('There is no tenant, or no key.');
    const key = await importJWK(jwk, 'RS256');
    const by = () => ({ at: now(), actor: 'operator' });
    const add = async (userName: string, displayName: string): Promise<Person> => {
      const id = uuidv7(now(), random(10));
      const content = { ...cast.amara, userName, displayName, externalId: userName, emails: [] };
      await sql.run((tx) => createUser(tx, 'default', id, content as unknown as UserContent, by()));
      return { id, userName };
    };
    const admin = async (displayName: string): Promise<Admin> => {
      const one = await add(`${displayName.toLowerCase()}@contoso.example`, displayName);
      const role = roleTemplates['Global Administrator'];
      await sql.run((tx) => assignRole(tx, 'default', one.id, role, by()));
      const claims = { tid: tenant.tid, oid: one.id, sub: one.id, scp: 'Passwords.Reset', ver: '2.0' };
      const bearer = await new SignJWT({ ...claims, name: displayName })
        .setProtectedHeader({ alg: 'RS256', kid: jwk.kid as string })
        .setIssuer(tenant.issuer)
        .setAudience(tenant.clientId)
        // The clocks of a cluster differ.
        .setIssuedAt(Math.floor(now() / 1000) - 7200)
        .setExpirationTime('2d')
        .sign(key);
      return { ...one, displayName, bearer };
    };
    const admins = [await admin('Gwen'), await admin('Hatice')] as const;
    const people: Person[] = [];
    for (let i = 0; i < count; i++) people.push(await add(`person${i}@contoso.example`, `Person ${i}`));
    let used = 0;
    return {
      admins: [admins[0], admins[1]],
      next() {
        const person = people[used++];
        if (!person) throw new Error('There are not people enough.');
        return person;
      },
    };
  } finally {
    await sql.close();
  }
}
