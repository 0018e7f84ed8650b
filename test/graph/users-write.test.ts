// Making, changing and removing people at the Graph door: the words of every refusal, the permissions and the role matrix.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recordedEntries } from '../../connector/audit.ts';
import { graphUser } from '../../connector/store/user-resource.ts';
import { updateUser } from '../../connector/store/users.ts';
import { origin } from '../world.ts';
import { errorOf, type GraphWorld, graphWorld, type Who } from './graph-world.ts';

let world: GraphWorld;
beforeEach(async () => {
  world = await graphWorld({ names: ['globalAdmin', 'passwordAdmin', 'noRole', 'amara', 'kwame', 'priya'] });
});
afterEach(() => world[Symbol.asyncDispose]());

const strong = 'Kf7e-rB4m-t9Rz-5hWd';
const denied = [403, 'Authorization_RequestDenied', 'Insufficient privileges to complete the operation.'];
const weak = [
  400,
  'Request_BadRequest',
  'The specified password does not comply with password complexity requirements. Please provide a different password.',
];
const synced = [
  400,
  'Request_BadRequest',
  'Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently undergoing migration.',
];

const newUser = {
  accountEnabled: true,
  displayName: 'Zoë Ng',
  mailNickname: 'zoe.ng',
  userPrincipalName: 'zoe.ng@contoso.example',
  passwordProfile: { password: strong, forceChangePasswordNextSignIn: true },
};

const passwordOf = (id: string) =>
  world.sql.get<{ hash: string; force_change: number; changed_by: string; changed_at: number }>`
    select hash, force_change, changed_by, changed_at from credential where user_id = ${id}`;
const isNow = (id: string, password: string) =>
  passwordOf(id).then((row) => row?.hash === `quick:${Buffer.from(password).toString('hex')}`);

const patch = (
  who: Who,
  name: 'amara' | 'kwame' | 'passwordAdmin' | 'globalAdmin' | 'priya',
  body: unknown,
  scp?: string,
) => world.call(who, 'PATCH', `/users/${world.ids[name]}`, body, scp === undefined ? {} : { scp });
const profile = (password: string, more: object = {}) => ({ passwordProfile: { password, ...more } });
const setDirectly = (name: 'amara' | 'kwame', change: object) =>
  world.sql.run((tx) =>
    updateUser(tx, 'default', world.ids[name], (user) => ({ ...user, ...change }), {
      at: world.now(),
      actor: 'operator',
    }),
  );

describe('POST /users', () => {
  it('makes a person with a password', async () => {
    const { status, body, headers } = await world.call('globalAdmin', 'POST', '/users', newUser);
    expect(status).toBe(201);
    const { id } = body;
    expect(headers.location).toBe(`${origin}/v1.0/users/${id}`);
    expect(body).toEqual({
      '@odata.context': `${origin}/v1.0/$metadata#users/$entity`,
      id,
      businessPhones: [],
      displayName: 'Zoë Ng',
      givenName: null,
      jobTitle: null,
      mail: null,
      mobilePhone: null,
      officeLocation: null,
      preferredLanguage: null,
      surname: null,
      userPrincipalName: 'zoe.ng@contoso.example',
    });
    expect(await isNow(id, strong)).toBe(true);
    expect(await passwordOf(id)).toMatchObject({ force_change: 1, changed_by: `graph:${world.ids.globalAdmin}` });
    const entries = await recordedEntries(world.sql, 'default', 2);
    expect(entries).toMatchObject([
      { actor: `user:${world.ids.globalAdmin}`, action: 'user.created', target: `user:${id}` },
      { actor: `user:${world.ids.globalAdmin}`, action: 'password.changed', target: `user:${id}` },
    ]);
    // The same person at the other door.
    expect((await world.scim('GET', `/Users/${id}`)).json()).toMatchObject({ userName: 'zoe.ng@contoso.example' });
  });

  it('refuses a user name that is taken, in any case', async () => {
    const userPrincipalName = 'Amara.Nwosu@contoso.example';
    const answer = await world.call('globalAdmin', 'POST', '/users', { ...newUser, userPrincipalName });
    const message = 'Another object with the same value for property userPrincipalName already exists.';
    expect(errorOf(answer)).toEqual([400, 'Request_BadRequest', message]);
    expect(answer.body.error.details).toEqual([{ code: 'ObjectConflict', message, target: 'userPrincipalName' }]);
  });

  it.each([
    ['displayName', "A value is required for property 'displayName' of resource 'User'."],
    ['accountEnabled', "A value is required for property 'accountEnabled' of resource 'User'."],
    ['mailNickname', "A value is required for property 'mailNickname' of resource 'User'."],
    ['userPrincipalName', "A value is required for property 'userPrincipalName' of resource 'User'."],
    ['passwordProfile', 'A password must be specified to create a new user.'],
  ])('asks for %s', async (name, message) => {
    const { [name as keyof typeof newUser]: _left, ...rest } = newUser;
    const answer = await world.call('globalAdmin', 'POST', '/users', rest);
    expect(errorOf(answer)).toEqual([400, 'Request_BadRequest', message]);
  });

  it('refuses a weak password, a foreign domain, and what it does not know, and makes nobody', async () => {
    const post = async (more: object) =>
      errorOf(await world.call('globalAdmin', 'POST', '/users', { ...newUser, ...more }, { wrong: true }));
    expect(await post({ passwordProfile: { password: 'short' } })).toEqual(weak);
    expect(await post({ passwordProfile: { password: 'Zoeng-77-horse-x' } })).toEqual(weak);
    expect(await post({ userPrincipalName: 'zoe@elsewhere.example' })).toEqual([
      400,
      'Request_BadRequest',
      'The domain portion of the userPrincipalName property is invalid. You must use one of the verified domain names in your organization.',
    ]);
    expect((await post({ shoeSize: 38 }))[0]).toBe(400);
    expect((await post({ accountEnabled: 'yes' }))[2]).toBe(
      "Invalid value specified for property 'accountEnabled' of resource 'User'.",
    );
    expect((await world.call('globalAdmin', 'GET', '/users/zoe.ng@contoso.example')).status).toBe(404);
  });

  it('is for those whose role makes people, and for apps with the permission', async () => {
    for (const who of ['noRole', 'passwordAdmin'] as const) {
      expect(errorOf(await world.call(who, 'POST', '/users', newUser))).toEqual(denied);
    }
    const scp = 'User-PasswordProfile.ReadWrite.All User.Read.All';
    expect(errorOf(await world.call('globalAdmin', 'POST', '/users', newUser, { scp }))).toEqual(denied);
    const app = await world.newApp();
    expect((await world.call(app, 'POST', '/users', newUser, { scp: 'User.ReadWrite.All' })).status).toBe(201);
  });
});

describe('PATCH /users with a password', () => {
  it('sets it, ends the sessions, and says when', async () => {
    await world.signUp('amara', 'Old-secret-77-horse');
    await world.pass(60_000);
    const { status, body } = await patch('passwordAdmin', 'amara', profile(strong));
    expect([status, body]).toEqual([204, undefined]);
    expect(await isNow(world.ids.amara, strong)).toBe(true);
    expect(await passwordOf(world.ids.amara)).toMatchObject({
      force_change: 1,
      changed_by: `graph:${world.ids.passwordAdmin}`,
      changed_at: world.now(),
    });
    const shown = await world.call(
      'globalAdmin',
      'GET',
      `/users/${world.ids.amara}?$select=lastPasswordChangeDateTime`,
    );
    expect(shown.body.lastPasswordChangeDateTime).toBe(new Date(world.now()).toISOString());
  });

  it('by user name, and with a change asked for or not', async () => {
    const url = '/users/AMARA.nwosu@contoso.example';
    const set = (more: object) => world.call('globalAdmin', 'PATCH', url, profile(strong, more));
    expect((await set({ forceChangePasswordNextSignIn: false })).status).toBe(204);
    expect(await passwordOf(world.ids.amara)).toMatchObject({ force_change: 0 });
    expect(
      (await set({ forceChangePasswordNextSignIn: false, forceChangePasswordNextSignInWithMfa: true })).status,
    ).toBe(204);
    expect(await passwordOf(world.ids.amara)).toMatchObject({ force_change: 1 });
  });

  it('without one is 400: the flag alone would be believed to have been set', async () => {
    const answer = await patch('globalAdmin', 'amara', { passwordProfile: { forceChangePasswordNextSignIn: true } });
    const message = "A value is required for property 'password' of resource 'PasswordProfile'.";
    expect(errorOf(answer)).toEqual([400, 'Request_BadRequest', message]);
  });

  it('takes its own permission: User.ReadWrite.All does not cover it', async () => {
    for (const scp of [
      'User.ReadWrite.All',
      'Directory.ReadWrite.All',
      'User.ReadWrite.All User.EnableDisableAccount.All',
    ]) {
      expect(errorOf(await patch('globalAdmin', 'amara', profile(strong), scp))).toEqual(denied);
    }
    expect((await patch('globalAdmin', 'amara', profile(strong), 'User-PasswordProfile.ReadWrite.All')).status).toBe(
      204,
    );
    // And nothing else: the one does not open the other.
    const both = { ...profile(strong), jobTitle: 'Nurse' };
    expect(errorOf(await patch('globalAdmin', 'amara', both, 'User-PasswordProfile.ReadWrite.All'))).toEqual(denied);
  });

  it('follows the role matrix as it is now, whatever the token says', async () => {
    expect(errorOf(await patch('noRole', 'amara', profile(strong)))).toEqual(denied);
    expect(errorOf(await patch('passwordAdmin', 'globalAdmin', profile(strong)))).toEqual(denied);
    expect(errorOf(await patch('globalAdmin', 'globalAdmin', profile(strong)))).toEqual(denied);
    expect((await patch('globalAdmin', 'passwordAdmin', profile(strong))).status).toBe(204);
    await world.role('kwame', 'Helpdesk Administrator');
    expect(errorOf(await patch('passwordAdmin', 'kwame', profile(strong)))).toEqual(denied);
    const wids = ['62e90394-69f5-4237-9190-012177145e10'];
    const token = await world.token('noRole', { aud: origin, scp: 'User-PasswordProfile.ReadWrite.All', wids });
    const answer = await world.app.inject({
      method: 'PATCH',
      url: `/v1.0/users/${world.ids.amara}`,
      headers: { authorization: `Bearer ${token}` },
      payload: profile(strong),
    });
    expect(answer.statusCode).toBe(403);
  });

  it('by an app takes a directory role of its own, User Administrator at least', async () => {
    const scp = 'User-PasswordProfile.ReadWrite.All';
    expect(errorOf(await patch(await world.newApp(), 'amara', profile(strong), scp))).toEqual(denied);
    expect(errorOf(await patch(await world.newApp('Helpdesk Administrator'), 'amara', profile(strong), scp))).toEqual(
      denied,
    );
    const app = await world.newApp('User Administrator');
    expect((await patch(app, 'amara', profile(strong), scp)).status).toBe(204);
    expect(await passwordOf(world.ids.amara)).toMatchObject({ changed_by: `graph:${app.app}` });
    expect(errorOf(await patch(app, 'globalAdmin', profile(strong), scp))).toEqual(denied);
    const far = await world.newApp('Privileged Authentication Administrator');
    expect((await patch(far, 'globalAdmin', profile(strong), scp)).status).toBe(204);
  });

  it('refuses a weak one in the very words', async () => {
    for (const password of ['short', 'alllettersinonecase', 'Amara-Nwosu-2026', 'Pässword-77-horse', 'Password1']) {
      expect(errorOf(await patch('globalAdmin', 'amara', profile(password)))).toEqual(weak);
    }
  });

  it('refuses whose sign-in lies elsewhere: synchronised people, guests, federated domains', async () => {
    await setDirectly('amara', { [graphUser]: { onPremisesSyncEnabled: true } });
    expect(errorOf(await patch('globalAdmin', 'amara', profile(strong)))).toEqual(synced);
    expect(errorOf(await patch('globalAdmin', 'amara', { jobTitle: 'Nurse' }))).toEqual(synced);
    expect((await patch('globalAdmin', 'amara', { otherMails: ['amara@home.example'] })).status).toBe(204);
    await setDirectly('kwame', { userType: 'Guest' });
    expect((await patch('globalAdmin', 'kwame', profile(strong))).status).toBe(400);
    await world.sql.run(function* (tx) {
      const policy = JSON.stringify({ federatedDomains: ['contoso.example'] });
      yield* tx.run`update tenant set policy = ${policy}`;
    });
    // For so long a token that was just seen brings its organisation along.
    await world.pass(10_000);
    expect((await patch('globalAdmin', 'priya', profile(strong))).status).toBe(400);
    expect(await passwordOf(world.ids.priya)).toBeUndefined();
  });

  it('wakes a running reset, which sees that the password is another one', async () => {
    const { id } = (await world.reset('globalAdmin', 'amara')).json<{ id: string }>();
    await world.walk();
    await world.pass(1000);
    expect((await world.see(id)).state).toBe('ready');
    expect((await patch('globalAdmin', 'amara', profile(strong))).status).toBe(204);
    await world.walk();
    const { state, events } = await world.see(id);
    expect(state).toBe('done');
    expect(events.at(-1)).toMatchObject({ name: 'changed', evidence: 'since' });
    expect(await isNow(world.ids.amara, strong)).toBe(true);
  });
});

describe('PATCH /users with other properties', () => {
  it('changes what the table lets be changed, in one write with the password', async () => {
    const body = {
      ...profile(strong),
      jobTitle: 'Ward Manager',
      businessPhones: ['+44 20 7946 0001'],
      department: null,
    };
    expect((await patch('globalAdmin', 'amara', body)).status).toBe(204);
    const shown = await world.call(
      'globalAdmin',
      'GET',
      `/users/${world.ids.amara}?$select=jobTitle,businessPhones,department`,
    );
    expect(shown.body).toMatchObject({
      jobTitle: 'Ward Manager',
      businessPhones: ['+44 20 7946 0001'],
      department: null,
    });
    // Nothing of a body is done when a part of it cannot be.
    const half = { ...profile('Another-9-horse-x'), userPrincipalName: 'kwame.mensah@contoso.example' };
    expect((await patch('globalAdmin', 'amara', half)).status).toBe(400);
    expect(await isNow(world.ids.amara, strong)).toBe(true);
  });

  it('asks for the permission of each property', async () => {
    const cases = [
      [{ accountEnabled: false }, 'User.EnableDisableAccount.All'],
      [{ otherMails: ['a@b.example'] }, 'User-Mail.ReadWrite.All'],
      [{ mobilePhone: '+44 7700 900001' }, 'User-Phone.ReadWrite.All'],
      [{ jobTitle: 'Nurse' }, 'User.ReadWrite.All'],
    ] as const;
    for (const [body] of cases) {
      for (const [at, [, scp]] of cases.entries()) {
        const fits = scp === 'User.ReadWrite.All' || cases[at]?.[0] === body;
        expect((await patch('globalAdmin', 'kwame', body, scp)).status).toBe(fits ? 204 : 403);
      }
    }
  });

  it('follows the role matrix for what is sensitive', async () => {
    await world.role('kwame', 'User Administrator');
    // A Password Administrator may do what comes with a reset, and no more.
    expect((await patch('passwordAdmin', 'amara', { otherMails: ['a@b.example'] })).status).toBe(204);
    expect(errorOf(await patch('passwordAdmin', 'amara', { accountEnabled: false }))).toEqual(denied);
    expect(errorOf(await patch('passwordAdmin', 'amara', { jobTitle: 'Nurse' }))).toEqual(denied);
    // A User Administrator changes ordinary things of everybody, sensitive ones below.
    expect((await patch('kwame', 'globalAdmin', { jobTitle: 'Head of IT' })).status).toBe(204);
    expect(errorOf(await patch('kwame', 'globalAdmin', { accountEnabled: false }))).toEqual(denied);
    expect(errorOf(await patch('kwame', 'globalAdmin', { mobilePhone: '+1' }))).toEqual(denied);
    expect((await patch('kwame', 'passwordAdmin', { accountEnabled: false })).status).toBe(204);
  });

  it('protects administrators from apps that have no role', async () => {
    const app = await world.newApp();
    const set = (name: 'amara' | 'passwordAdmin', body: object) => patch(app, name, body, 'User.ReadWrite.All');
    expect((await set('amara', { accountEnabled: false })).status).toBe(204);
    expect(errorOf(await set('passwordAdmin', { accountEnabled: false }))).toEqual(denied);
    expect((await set('passwordAdmin', { jobTitle: 'Service Desk Lead' })).status).toBe(204);
    const admin = await world.newApp('User Administrator');
    expect((await patch(admin, 'passwordAdmin', { accountEnabled: false }, 'User.ReadWrite.All')).status).toBe(204);
  });
});

describe('PATCH /me', () => {
  const me = (body: unknown, scp = 'User.ReadWrite') => world.call('amara', 'PATCH', '/me', body, { scp });

  it('lets people change what is theirs to change', async () => {
    expect((await me({ mobilePhone: '+44 7700 900002', preferredLanguage: 'tr-TR' })).status).toBe(204);
    const shown = await world.call('amara', 'GET', '/me', undefined, { scp: 'User.Read' });
    expect(shown.body).toMatchObject({ mobilePhone: '+44 7700 900002', preferredLanguage: 'tr-TR' });
  });

  it('and nothing else', async () => {
    for (const body of [
      { jobTitle: 'Director' },
      { accountEnabled: true },
      { otherMails: ['x@y.example'] },
      profile(strong),
    ]) {
      expect(errorOf(await me(body))).toEqual(denied);
      expect(errorOf(await me(body, 'User.ReadWrite.All User-PasswordProfile.ReadWrite.All'))).toEqual(denied);
    }
  });
});

describe('DELETE /users', () => {
  const remove = (who: Who, name: 'amara' | 'globalAdmin' | 'passwordAdmin') =>
    world.call(who, 'DELETE', `/users/${world.ids[name]}`);

  it('removes a person with everything that is theirs', async () => {
    const tap = await world.call(
      'globalAdmin',
      'POST',
      `/users/${world.ids.amara}/authentication/temporaryAccessPassMethods`,
      {},
    );
    expect(tap.status).toBe(201);
    expect((await remove('globalAdmin', 'amara')).status).toBe(204);
    expect((await remove('globalAdmin', 'amara')).status).toBe(404);
    for (const rows of [
      await world.sql.all`select id from temporary_access_pass where user_id = ${world.ids.amara}`,
      await world.sql.all`select hash from credential where user_id = ${world.ids.amara}`,
    ]) {
      expect(rows).toEqual([]);
    }
  });

  it('follows the role matrix, and nobody removes themselves', async () => {
    expect(errorOf(await remove('passwordAdmin', 'amara'))).toEqual(denied);
    expect(errorOf(await remove('noRole', 'amara'))).toEqual(denied);
    expect(errorOf(await remove('globalAdmin', 'globalAdmin'))).toEqual(denied);
    const app = await world.newApp();
    expect(errorOf(await remove(app, 'passwordAdmin'))).toEqual(denied);
    expect((await remove(app, 'amara')).status).toBe(204);
  });
});

describe('an address of one’s own', () => {
  const taken = [
    400,
    'Request_BadRequest',
    'Another object with the same value for property proxyAddresses already exists.',
  ];

  it('is nobody else’s', async () => {
    const mail = 'Kwame.Mensah@contoso.example';
    expect(errorOf(await patch('globalAdmin', 'amara', { mail }))).toEqual(taken);
    expect(errorOf(await world.call('globalAdmin', 'POST', '/users', { ...newUser, mail }))).toEqual(taken);
    await setDirectly('kwame', { emails: [{ value: 'desk@contoso.example', type: 'work' }] });
    const userPrincipalName = 'desk@contoso.example';
    expect(errorOf(await patch('globalAdmin', 'amara', { userPrincipalName }))).toEqual(taken);
    // Two may share a private one, and one's own is one's own in any spelling.
    expect((await patch('globalAdmin', 'amara', { otherMails: ['desk@contoso.example'] })).status).toBe(204);
    expect((await patch('globalAdmin', 'kwame', { mail: 'Desk@contoso.example' })).status).toBe(204);
  });

  it('and whether one is a guest are for whoever reaches the person', async () => {
    const app = await world.newApp();
    await world.role('amara', 'User Administrator');
    for (const change of [{ mail: 'new@contoso.example' }, { userType: 'Guest' }]) {
      expect(errorOf(await patch(app, 'globalAdmin', change))).toEqual(denied);
      expect(errorOf(await patch('amara', 'globalAdmin', change))).toEqual(denied);
      expect((await patch(app, 'kwame', change)).status).toBe(204);
    }
  });

  it('lies in the organisation’s domains; a guest’s need not', async () => {
    const mail = 'director@bank.example';
    const invalid = [400, 'Request_BadRequest', "Invalid value specified for property 'mail' of resource 'User'."];
    expect(errorOf(await patch('globalAdmin', 'amara', { mail }))).toEqual(invalid);
    expect((await patch('globalAdmin', 'amara', { mail, userType: 'Guest' })).status).toBe(204);
    const answer = await world.call('amara', 'POST', '/me/sendMail', {
      message: { toRecipients: [{ emailAddress: { address: 'someone@post.example' } }] },
    });
    expect(errorOf(answer).slice(0, 2)).toEqual([404, 'MailboxNotEnabledForRESTAPI']);
    expect(world.sent).toEqual([]);
  });
});
