// How people sign in, at the Graph door: the reset behind a 202, Temporary Access Passes, and who may see and do it.

import fastify from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { passwordWork } from '../../connector/graph/password-work.ts';
import { logger } from '../../connector/log.ts';
import { roleTemplates } from '../../connector/policy/roles.ts';
import { changePassword, hashing, verifyPassword } from '../../connector/store/credentials.ts';
import { beginOperation, readOperation } from '../../connector/store/operations.ts';
import { spendPass } from '../../connector/store/temporary-access-pass.ts';
import { graphUser } from '../../connector/store/user-resource.ts';
import { updateUser } from '../../connector/store/users.ts';
import { checkPassword, entraPolicy } from '../../shared/password.ts';
import { type Name, origin } from '../world.ts';
import { errorOf, type GraphWorld, graphWorld, type Who } from './graph-world.ts';

let world: GraphWorld;
beforeEach(async () => {
  world = await graphWorld({ names: ['globalAdmin', 'passwordAdmin', 'noRole', 'amara', 'kwame', 'priya'] });
});
afterEach(() => world[Symbol.asyncDispose]());

const passwordMethod = '28c10230-6103-485e-b985-444c60001490';
const strong = 'Kf7e-rB4m-t9Rz-5hWd';
const denied = [403, 'Authorization_RequestDenied', 'Insufficient privileges to complete the operation.'];

const under = (name: Name, rest: string) => `/users/${world.ids[name]}/authentication/${rest}`;
const reset = (who: Who, name: Name, body?: unknown, kind = 'methods') =>
  world.call(who, 'POST', under(name, `${kind}/${passwordMethod}/resetPassword`), body);
const pathOf = (location: unknown) => String(location).slice(`${origin}/v1.0`.length);

async function settled(location: unknown, who: Who = 'globalAdmin') {
  for (let tries = 0; tries < 100; tries++) {
    const { status, body } = await world.call(who, 'GET', pathOf(location));
    expect(status).toBe(200);
    if (!['notStarted', 'running'].includes(body.status)) return body;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error('The operation does not end.');
}

const ended = ({ headers }: Awaited<ReturnType<typeof reset>>) => settled(headers.location);

const setDirectly = (name: Name, change: object) =>
  world.sql.run((tx) =>
    updateUser(tx, 'default', world.ids[name], (user) => ({ ...user, ...change }), {
      at: world.now(),
      actor: 'operator',
    }),
  );

describe('resetPassword', () => {
  it('with a password: 202 and an operation that succeeds, then the password is set', async () => {
    const answer = await reset('globalAdmin', 'amara', { newPassword: strong });
    expect([answer.status, answer.body]).toEqual([202, {}]);
    const { location } = answer.headers;
    expect(location).toMatch(
      new RegExp(`^${origin}/v1.0/users/${world.ids.amara}/authentication/operations/[0-9a-f-]{36}$`),
    );
    expect(await settled(location)).toEqual({
      '@odata.context': `${origin}/v1.0/$metadata#users('${world.ids.amara}')/authentication/operations/$entity`,
      id: String(location).split('/').at(-1),
      status: 'succeeded',
      createdDateTime: '2026-11-22T09:00:00.000Z',
      lastActionDateTime: '2026-11-22T09:00:00.000Z',
      resourceLocation: `${origin}/v1.0/users/${world.ids.amara}/authentication/methods/${passwordMethod}`,
    });
    expect(await world.holds('amara', strong)).toBe(true);
    const row = await world.sql.get`select force_change, changed_by from credential where user_id = ${world.ids.amara}`;
    expect(row).toEqual({ force_change: 1, changed_by: `graph:${world.ids.globalAdmin}` });
  });

  it('without one makes one that the policy accepts, and shows it once', async () => {
    for (const body of [undefined, {}, { newPassword: null }]) {
      const answer = await reset('passwordAdmin', 'amara', body);
      expect(answer.status).toBe(202);
      expect(answer.body['@odata.context']).toBe(`${origin}/v1.0/$metadata#microsoft.graph.passwordResetResponse`);
      const password: string = answer.body.newPassword;
      expect(password.length).toBeGreaterThanOrEqual(16);
      expect(
        checkPassword(password, entraPolicy, { displayName: 'Amara Nwosu', userPrincipalName: 'amara.nwosu@x' }),
      ).toEqual([]);
      const ended = await settled(answer.headers.location, 'passwordAdmin');
      expect(ended.status).toBe('succeeded');
      expect(JSON.stringify(ended)).not.toContain(password);
      expect(await world.holds('amara', password)).toBe(true);
    }
  });

  it('has an alias', async () => {
    expect((await reset('globalAdmin', 'amara', { newPassword: strong }, 'passwordMethods')).status).toBe(202);
  });

  it('needs the password for a synchronised person, and takes it', async () => {
    await setDirectly('amara', { [graphUser]: { onPremisesSyncEnabled: true } });
    expect((await reset('globalAdmin', 'amara')).status).toBe(400);
    const answer = await reset('globalAdmin', 'amara', { newPassword: strong });
    expect(answer.status).toBe(202);
    expect((await settled(answer.headers.location)).status).toBe('succeeded');
  });

  it('refuses before the 202 whatever can be refused', async () => {
    expect(errorOf(await reset('globalAdmin', 'amara', { newPassword: 'short' }))[2]).toMatch(
      /complexity requirements/,
    );
    expect(
      (await world.call('globalAdmin', 'POST', under('amara', `methods/${world.ids.amara}/resetPassword`), {})).status,
    ).toBe(404);
    expect(errorOf(await reset('globalAdmin', 'globalAdmin', { newPassword: strong }))).toEqual(denied);
    expect(errorOf(await reset('passwordAdmin', 'globalAdmin', { newPassword: strong }))).toEqual(denied);
    expect(errorOf(await reset('noRole', 'amara', { newPassword: strong }))).toEqual(denied);
    // Not for apps, whatever they hold.
    expect(errorOf(await reset(await world.newApp('Global Administrator'), 'amara', {}))).toEqual(denied);
    await setDirectly('kwame', { userType: 'Guest' });
    expect((await reset('globalAdmin', 'kwame', { newPassword: strong })).status).toBe(400);
    const unknown = await world.call(
      'globalAdmin',
      'POST',
      under('amara', `methods/${passwordMethod}/resetPassword`),
      { requireChangeOnNextSignIn: false },
      { wrong: true },
    );
    expect(errorOf(unknown)[2]).toMatch(/requireChangeOnNextSignIn.*not a valid parameter/);
    expect(await world.sql.all`select id from graph_operation`).toEqual([]);
  });

  it('tells of an operation only under the person that it is about, and to nobody below', async () => {
    const { headers } = await reset('globalAdmin', 'amara', { newPassword: strong });
    const operation = String(headers.location).split('/').at(-1);
    const other = await world.call('globalAdmin', 'GET', under('kwame', `operations/${operation}`));
    expect(other.status).toBe(404);
    expect((await world.call('noRole', 'GET', under('amara', `operations/${operation}`))).status).toBe(403);
    await settled(headers.location);
  });

  it('fails when the person is gone by then, and changes nothing', async () => {
    const { headers } = await reset('globalAdmin', 'amara', { newPassword: strong });
    // Gone past the door, so that the operation's row stays.
    await world.sql.run(function* (tx) {
      yield* tx.run`delete from app_user where id = ${world.ids.amara}`;
    });
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    const operation = String(headers.location).split('/').at(-1) as string;
    const row = await world.sql.get`select status, detail from graph_operation where id = ${operation}`;
    expect(row).toEqual({ status: 'failed', detail: 'The user does not exist any more. Nothing was changed.' });
    expect(await world.sql.get`select hash from credential where user_id = ${world.ids.amara}`).toBeUndefined();
  });

  it('that a process left behind is told as failed after some minutes', async () => {
    await world.sql.run(function* (tx) {
      const at = world.now();
      yield* tx.run`insert into graph_operation (tenant, id, user_id, status, detail, created, last_action)
        values ('default', 'left', ${world.ids.amara}, 'running', ${null}, ${at}, ${at})`;
    });
    const see = () => world.call('globalAdmin', 'GET', under('amara', 'operations/left'));
    expect((await see()).body.status).toBe('running');
    await world.pass(5 * 60_000);
    expect((await see()).body).toMatchObject({
      status: 'failed',
      statusDetail: 'The service stopped before the operation ended. Nothing was changed.',
    });
  });

  it('is over before the door closes', async () => {
    const { headers } = await reset('globalAdmin', 'amara', { newPassword: strong });
    expect(headers.location).toBeDefined();
    const { sql } = world;
    const close = sql.close;
    // The database outlives the connector here.
    sql.close = async () => {};
    await world.connector.close();
    const row = await sql.get`select status from graph_operation`;
    expect(row).toEqual({ status: 'succeeded' });
    sql.close = close;
  });
});

describe('the methods of a person', () => {
  it('are the password, never told, and the pass', async () => {
    await world.signUp('amara', 'Old-secret-77-horse');
    const made = await world.call('globalAdmin', 'POST', under('amara', 'temporaryAccessPassMethods'), {});
    const all = await world.call('globalAdmin', 'GET', under('amara', 'methods'));
    expect(all.body.value).toEqual([
      {
        '@odata.type': '#microsoft.graph.passwordAuthenticationMethod',
        id: passwordMethod,
        createdDateTime: '2026-11-22T09:00:00.000Z',
        password: null,
      },
      expect.objectContaining({
        '@odata.type': '#microsoft.graph.temporaryAccessPassAuthenticationMethod',
        id: made.body.id,
        temporaryAccessPass: null,
      }),
    ]);
    const one = await world.call('globalAdmin', 'GET', under('amara', `passwordMethods/${passwordMethod}`));
    expect(one.body).toMatchObject({ id: passwordMethod, password: null });
    expect((await world.call('globalAdmin', 'GET', under('amara', 'passwordMethods'))).body.value).toHaveLength(1);
    expect((await world.call('globalAdmin', 'GET', under('amara', 'passwordMethods/x'))).status).toBe(404);
    expect((await world.call('globalAdmin', 'GET', under('amara', `methods/${passwordMethod}`))).status).toBe(200);
  });

  it('are for authentication administrators, and for oneself', async () => {
    expect((await world.call('passwordAdmin', 'GET', under('amara', 'methods'))).status).toBe(403);
    expect((await world.call('amara', 'GET', '/me/authentication/methods')).status).toBe(200);
    expect((await world.call('amara', 'GET', under('amara', 'methods'))).status).toBe(200);
    expect((await world.call('amara', 'GET', under('kwame', 'methods'))).status).toBe(403);
  });
});

describe('a Temporary Access Pass', () => {
  const path = () => under('amara', 'temporaryAccessPassMethods');
  const give = (who: Who, body: unknown, wrong = false) => world.call(who, 'POST', path(), body, { wrong });
  const quick = hashing({
    concurrency: 1,
    waiting: 10,
    argon: {
      hash: async (text) => `quick:${Buffer.from(text).toString('hex')}`,
      verify: async (hash, text) => hash === `quick:${Buffer.from(text).toString('hex')}`,
    },
  });
  const use = (text: string, name: Name = 'amara') =>
    spendPass(
      { sql: world.sql, hashing: quick, now: world.now, random: (n) => new Uint8Array(n).fill(3) },
      'default',
      world.ids[name],
      text,
    );

  /** Makes a group, and does in this order: has Amara in it by way of another, gives it a role. */
  async function roleOfGroup(steps: readonly ('member' | 'role')[]): Promise<void> {
    const group = async (displayName: string) => {
      const wanted = { displayName, mailEnabled: false, mailNickname: displayName, securityEnabled: true };
      return String((await world.call('globalAdmin', 'POST', '/groups', wanted)).body.id);
    };
    const [outer, inner] = [await group('Outer'), await group('Inner')];
    const add = async (to: string, member: string) => {
      const reference = { '@odata.id': `${origin}/v1.0/directoryObjects/${member}` };
      expect((await world.call('globalAdmin', 'POST', `/groups/${to}/members/$ref`, reference)).status).toBe(204);
    };
    await add(inner, world.ids.amara);
    const role = { principalId: outer, roleDefinitionId: roleTemplates['Directory Readers'], directoryScopeId: '/' };
    for (const step of steps) {
      if (step === 'member') await add(outer, inner);
      else await world.call('globalAdmin', 'POST', '/roleManagement/directory/roleAssignments', role);
    }
  }

  it('is given, shown once, listed without its value, and taken', async () => {
    const made = await give('globalAdmin', { lifetimeInMinutes: 90, isUsableOnce: true });
    expect(made.status).toBe(201);
    const { id, temporaryAccessPass, ...rest } = made.body;
    expect(temporaryAccessPass).toMatch(/^\S{16}$/);
    expect(rest).toEqual({
      '@odata.context': expect.stringMatching(/temporaryAccessPassMethods\/\$entity$/),
      createdDateTime: '2026-11-22T09:00:00.000Z',
      startDateTime: '2026-11-22T09:00:00.000Z',
      lifetimeInMinutes: 90,
      isUsable: true,
      isUsableOnce: true,
      methodUsabilityReason: 'EnabledByPolicy',
    });
    expect(made.headers.location).toBe(`${origin}/v1.0${path()}/${id}`);
    const listed = await world.call('globalAdmin', 'GET', path());
    expect(listed.body.value).toMatchObject([{ id, temporaryAccessPass: null }]);
    const one = await world.call('globalAdmin', 'GET', `${path()}/${id}`);
    expect(one.body).toMatchObject({ id, temporaryAccessPass: null });
    const dump = JSON.stringify(await world.sql.all`select * from temporary_access_pass`);
    expect(dump).not.toContain(temporaryAccessPass);
    expect(world.logged.join('')).not.toContain(temporaryAccessPass);
    const take = () => world.call('globalAdmin', 'DELETE', `${path()}/${id}`);
    expect((await take()).status).toBe(204);
    expect((await take()).status).toBe(404);
    expect(await use(temporaryAccessPass)).toBe(false);
  });

  it('replaces the one before', async () => {
    const first = await give('globalAdmin', {});
    const second = await give('globalAdmin', {});
    expect((await world.call('globalAdmin', 'GET', path())).body.value).toMatchObject([{ id: second.body.id }]);
    expect(await use(first.body.temporaryAccessPass)).toBe(false);
    expect(await use(second.body.temporaryAccessPass)).toBe(true);
  });

  it('signs in once, clears the delay, and asks for a new password', async () => {
    await world.signUp('amara', 'Old-secret-77-horse');
    const { body } = await give('globalAdmin', {});
    const attempt = (password: string) =>
      verifyPassword(
        { sql: world.sql, hashing: quick, now: world.now },
        'default',
        { userId: world.ids.amara },
        password,
      );
    for (let tries = 0; tries < 3; tries++) expect((await attempt('wrong')).outcome).toBe('wrong');
    expect(await use(body.temporaryAccessPass)).toBe(true);
    expect(await world.sql.all`select failures from sign_in_attempt`).toEqual([]);
    expect(await attempt('Old-secret-77-horse')).toMatchObject({ outcome: 'right', credential: { forceChange: true } });
    expect(await use(body.temporaryAccessPass)).toBe(false);
    const seen = await world.call('globalAdmin', 'GET', `${path()}/${body.id}`);
    expect(seen.body).toMatchObject({ isUsable: false, methodUsabilityReason: 'OneTimeUsed' });
  });

  it('used by two at the same time lets one in', async () => {
    const { body } = await give('globalAdmin', {});
    const both = await Promise.all([use(body.temporaryAccessPass), use(body.temporaryAccessPass)]);
    expect(both.filter(Boolean)).toHaveLength(1);
  });

  it('may be used often until it ends, when it is made so, and of somebody without a password', async () => {
    const { body } = await give('globalAdmin', { isUsableOnce: false, lifetimeInMinutes: 10 });
    for (let times = 0; times < 3; times++) expect(await use(body.temporaryAccessPass)).toBe(true);
    expect(await world.sql.get`select force_change from credential where user_id = ${world.ids.amara}`).toEqual({
      force_change: 1,
    });
    await world.pass(10 * 60_000);
    expect(await use(body.temporaryAccessPass)).toBe(false);
    expect((await world.call('globalAdmin', 'GET', path())).body.value[0].methodUsabilityReason).toBe('Expired');
  });

  it('may begin later', async () => {
    const { body } = await give('globalAdmin', { startDateTime: '2026-11-22T10:00:00Z' });
    expect(body).toMatchObject({ isUsable: false, methodUsabilityReason: 'NotYetValid' });
    expect(await use(body.temporaryAccessPass)).toBe(false);
    await world.pass(3600_000);
    expect(await use(body.temporaryAccessPass)).toBe(true);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['a password is set', () => reset('globalAdmin', 'amara', { newPassword: strong }).then(ended)],
    ['an operator sets one', () => world.signUp('amara', strong)],
    [
      'the sessions are revoked',
      () => world.call('globalAdmin', 'POST', `/users/${world.ids.amara}/revokeSignInSessions`),
    ],
    ['a role is given', () => world.role('amara', 'Directory Readers')],
    ['a group that they are in is given one', () => roleOfGroup(['member', 'role'])],
    ['they join a group that has one', () => roleOfGroup(['role', 'member'])],
  ])('is worth nothing any more once %s', async (_, happens) => {
    const { body } = await give('globalAdmin', { isUsableOnce: false });
    await happens();
    expect((await world.call('globalAdmin', 'GET', path())).body.value).toEqual([]);
    expect(await use(body.temporaryAccessPass)).toBe(false);
    expect(await world.sql.all`select target from audit where action = 'temporaryAccessPass.deleted'`).toEqual([
      { target: `user:${world.ids.amara}` },
    ]);
  });

  it('outlives the choice of a password that it leads to', async () => {
    const { body } = await give('globalAdmin', { isUsableOnce: false });
    expect(await use(body.temporaryAccessPass)).toBe(true);
    const chosen = { password: strong, forceChange: false, changedBy: 'self' } as const;
    await changePassword({ sql: world.sql, hashing: quick, now: world.now }, 'default', world.ids.amara, chosen);
    expect(await use(body.temporaryAccessPass)).toBe(true);
  });

  it('is nobody else’s, and what has not its shape is never looked at', async () => {
    const { body } = await give('globalAdmin', {});
    expect(await use(body.temporaryAccessPass, 'kwame')).toBe(false);
    for (const text of ['', 'short', `${body.temporaryAccessPass} `]) expect(await use(text)).toBe(false);
  });

  it.each([
    [{ lifetimeInMinutes: 9 }],
    [{ lifetimeInMinutes: 43_201 }],
    [{ lifetimeInMinutes: 10.5 }],
    [{ isUsableOnce: 'yes' }],
    [{ startDateTime: 'tomorrow' }],
    [{ startDateTime: '2026-11-22T07:00:00Z' }],
    [{ startDateTime: '2026-12-22T09:00:01Z' }],
    [{ startDateTime: '+010000-01-01T00:00:00Z' }],
    [{ startDateTime: '9999-01-01T00:00:00Z' }],
    [{ temporaryAccessPass: 'mine' }],
    [[]],
  ])('is not made of %j', async (body) => {
    expect((await give('globalAdmin', body, true)).status).toBe(400);
  });

  it('is for authentication administrators, within the matrix', async () => {
    for (const who of ['passwordAdmin', 'noRole', 'amara'] as const)
      expect(errorOf(await give(who, {}))).toEqual(denied);
    await world.role('kwame', 'Helpdesk Administrator');
    expect(errorOf(await give('kwame', {}))).toEqual(denied);
    await world.role('priya', 'Authentication Administrator');
    expect((await give('priya', {})).status).toBe(201);
    const forGwen = under('globalAdmin', 'temporaryAccessPassMethods');
    expect(errorOf(await world.call('priya', 'POST', forGwen, {}))).toEqual(denied);
    const app = await world.newApp();
    expect((await give(app, {})).status).toBe(201);
    expect(errorOf(await world.call(app, 'POST', forGwen, {}))).toEqual(denied);
  });
});

describe('revokeSignInSessions', () => {
  const revoke = (who: Who, name: Name) => world.call(who, 'POST', `/users/${world.ids[name]}/revokeSignInSessions`);
  const sessionsOf = (name: Name) => world.sql.all`select id from oidc_model where account = ${world.ids[name]}`;
  beforeEach(() =>
    world.sql.run(function* (tx) {
      yield* tx.run`insert into oidc_model (tenant, kind, id, account, payload) values
        ('default', 'Session', 's', ${world.ids.amara}, '{}'), ('default', 'RefreshToken', 'r', ${world.ids.amara}, '{}')`;
    }),
  );

  it('ends them all', async () => {
    const { status, body } = await revoke('globalAdmin', 'amara');
    expect([status, body]).toEqual([200, { '@odata.context': `${origin}/v1.0/$metadata#Edm.Boolean`, value: true }]);
    expect(await sessionsOf('amara')).toEqual([]);
  });

  it('is not for a Password Administrator, nor for who has no role', async () => {
    expect(errorOf(await revoke('passwordAdmin', 'amara'))).toEqual(denied);
    expect(errorOf(await revoke('noRole', 'amara'))).toEqual(denied);
    expect(await sessionsOf('amara')).toHaveLength(2);
    await world.role('kwame', 'Helpdesk Administrator');
    expect(errorOf(await revoke('kwame', 'globalAdmin'))).toEqual(denied);
    expect((await revoke('kwame', 'amara')).status).toBe(200);
  });

  it('is everybody’s own, and not for guests', async () => {
    expect((await world.call('amara', 'POST', '/me/revokeSignInSessions')).status).toBe(200);
    expect(await sessionsOf('amara')).toEqual([]);
    await setDirectly('kwame', { userType: 'Guest' });
    expect((await revoke('globalAdmin', 'kwame')).status).toBe(400);
    const app = await world.newApp();
    expect((await revoke(app, 'priya')).status).toBe(200);
    expect(errorOf(await revoke(app, 'globalAdmin'))).toEqual(denied);
  });
});

describe('the work behind a 202', () => {
  it('asks once more whether the caller may, and changes nothing when not', async () => {
    const app = fastify();
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const slow = {
      hash: async (text: string) => {
        await held;
        return `quick:${text}`;
      },
      verify: async () => false,
    };
    const deps = {
      ...{ sql: world.sql, now: world.now, log: logger('silent') },
      hashing: hashing({ concurrency: 1, waiting: 1, argon: slow }),
    };
    const { tenant } = world;
    if (!tenant) throw new Error('There is no tenant.');
    const { passwordAdmin: oid, amara } = world.ids;
    const by = { at: world.now(), actor: `user:${oid}` };
    const caller = { tenant, oid, appOnly: false };
    await world.sql.run((tx) => beginOperation(tx, 'default', 'operation-1', amara, by.at));
    passwordWork(app, deps)({ access: caller, operation: 'operation-1', userId: amara, by, password: strong });
    await world.role('amara', 'Global Administrator');
    release();
    await app.close();
    const ended = await world.sql.read((tx) => readOperation(tx, 'default', amara, 'operation-1', world.now()));
    expect(ended).toMatchObject({ status: 'failed', detail: expect.stringContaining('may not do this any more') });
    expect(await world.sql.get`select hash from credential where user_id = ${amara}`).toBeUndefined();
  });
});

describe('where administrators choose no passwords', () => {
  beforeEach(async () => {
    await world[Symbol.asyncDispose]();
    const names = ['globalAdmin', 'passwordAdmin', 'noRole', 'amara', 'kwame', 'priya'] as const;
    world = await graphWorld({ names, env: { RR_POLICY_CREATE_PASSWORD: 'no' } });
  });

  it('none is taken from a person, and one is made', async () => {
    const refused = [403, 'Authorization_RequestDenied', expect.stringContaining('choose passwords')];
    expect(errorOf(await reset('globalAdmin', 'amara', { newPassword: strong }))).toEqual(refused);
    const passwordProfile = { password: strong };
    const patched = await world.call('globalAdmin', 'PATCH', `/users/${world.ids.amara}`, { passwordProfile });
    expect(errorOf(patched)).toEqual(refused);
    const { status, body, headers } = await reset('globalAdmin', 'amara', {});
    expect([status, (await settled(headers.location)).status]).toEqual([202, 'succeeded']);
    expect(body.newPassword).toMatch(/.{8}/);
    const app = await world.newApp('User Administrator');
    expect((await world.call(app, 'PATCH', `/users/${world.ids.amara}`, { passwordProfile })).status).toBe(204);
  });
});
