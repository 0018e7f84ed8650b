// What an attacker tries at the Graph door: ways around the batch's limit, what stays good after it was taken back, what one
// permission shows of another, and mail in somebody else's name.

import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createClient, revokeClient } from '../../connector/store/clients.ts';
import { hashing } from '../../connector/store/credentials.ts';
import { spendPass } from '../../connector/store/temporary-access-pass.ts';
import { origin } from '../world.ts';
import { graphWorld } from './graph-world.ts';

const wrong = { wrong: true } as const;

describe('a batch', () => {
  it.each(['/microsoft.graph.$batch', '/$bat%63h', '/v1.0/microsoft.graph.$BATCH'])(
    'is in no batch, written as %s',
    async (url) => {
      await using world = await graphWorld();
      const body = { requests: [{ id: 'inner', method: 'GET', url: '/organization' }] };
      const item = { id: '1', method: 'POST', url, headers: { 'content-type': 'application/json' }, body };
      const answer = await world.call('globalAdmin', 'POST', '/$batch', { requests: [item] }, wrong);
      expect(answer.body.responses[0].status).toBe(400);
    },
  );
});

describe('what was taken back', () => {
  it('is a program: what people gave it opens nothing either', async () => {
    await using world = await graphWorld();
    const by = { at: world.now(), actor: 'operator' };
    const id = randomUUID();
    const client = { tenant: 'default', id, name: 'script', scopes: [], tokenMinutes: 60 };
    await world.sql.run((tx) => createClient(tx, client, by));
    const token = await world.token('globalAdmin', { aud: origin, azp: id, scp: 'User.Read.All' });
    const ask = () =>
      world.app.inject({ method: 'GET', url: '/v1.0/users', headers: { authorization: `Bearer ${token}` } });
    expect((await ask()).statusCode).toBe(200);
    await world.sql.run((tx) => revokeClient(tx, 'default', id, by));
    expect((await ask()).statusCode).toBe(401);
  });

  it('is a password: the pass that somebody gave out before opens nothing after a reset', async () => {
    await using world = await graphWorld();
    await world.role('noRole', 'Authentication Administrator');
    await world.signUp('amara', 'Zq7!mmTT-uuRR-9a');
    const wanted = { isUsableOnce: false, lifetimeInMinutes: 43_200 };
    const url = `/users/${world.ids.amara}`;
    const given = await world.call('noRole', 'POST', `${url}/authentication/temporaryAccessPassMethods`, wanted);
    await world.role('amara', 'Global Administrator');
    const passwordProfile = { password: 'Zq7!mmTT-uuRR-9q', forceChangePasswordNextSignIn: true };
    expect((await world.call('globalAdmin', 'PATCH', url, { passwordProfile })).status).toBe(204);
    const argon = {
      hash: async (text: string) => `quick:${Buffer.from(text).toString('hex')}`,
      verify: async (hash: string | undefined, text: string) => hash === `quick:${Buffer.from(text).toString('hex')}`,
    };
    const deps = {
      ...{ sql: world.sql, now: world.now, random: (bytes: number) => new Uint8Array(bytes) },
      hashing: hashing({ concurrency: 1, waiting: 1, argon }),
    };
    expect(await spendPass(deps, 'default', world.ids.amara, given.body.temporaryAccessPass)).toBe(false);
  });
});

describe('what one permission shows', () => {
  it('is of members who they are and no more, without a permission to read people', async () => {
    await using world = await graphWorld();
    const wanted = { displayName: 'Ward 3', mailEnabled: false, mailNickname: 'ward3', securityEnabled: true };
    const { body: group } = await world.call('globalAdmin', 'POST', '/groups', wanted);
    const member = { '@odata.id': `${origin}/v1.0/directoryObjects/${world.ids.amara}` };
    await world.call('globalAdmin', 'POST', `/groups/${group.id}/members/$ref`, member);
    await world.call('globalAdmin', 'PATCH', `/users/${world.ids.amara}`, { mobilePhone: '+44 20 7946 0001' });
    const url = `/groups/${group.id}/members`;
    const seen = await world.call('noRole', 'GET', url, undefined, { scp: 'GroupMember.Read.All' });
    expect(seen.body.value[0].id).toBe(world.ids.amara);
    expect(seen.body.value[0].mobilePhone ?? null).toBeNull();
  });

  it.each([
    ['User.Read', 'GET', 'memberOf'],
    ['User.Read', 'GET', 'transitiveMemberOf'],
    ['Mail.Send', 'POST', 'sendMail'],
  ] as const)('is not who there is: %s at %s %s', async (scp, method, what) => {
    await using world = await graphWorld();
    const body = method === 'POST' ? {} : undefined;
    const ask = (who: string) => world.call('noRole', method, `/users/${who}/${what}`, body, { scp, ...wrong });
    expect((await ask('nobody@contoso.example')).status).toBe((await ask(world.ids.amara)).status);
  });
});

describe('a reference that is none', () => {
  it('is 400', async () => {
    await using world = await graphWorld();
    const wanted = { displayName: 'Ward 3', mailEnabled: false, mailNickname: 'ward3', securityEnabled: true };
    const { body: group } = await world.call('globalAdmin', 'POST', '/groups', wanted);
    const url = `/groups/${group.id}/members/$ref`;
    const member = { '@odata.id': `${origin}/v1.0/directoryObjects/%` };
    expect((await world.call('globalAdmin', 'POST', url, member, wrong)).status).toBe(400);
  });
});

describe('mail', () => {
  const toRecipients = [{ emailAddress: { address: 'someone@post.example' } }];

  it.each([
    ['somebody else’s', 'gwen.okafor@contoso.example'],
    ['another organisation’s', 'director@bank.example'],
  ])('goes from no address that is %s, whatever an administrator calls his own', async (_, mail) => {
    await using world = await graphWorld();
    await world.role('noRole', 'User Administrator');
    await world.call('noRole', 'PATCH', '/me', { mail }, wrong);
    await world.call('noRole', 'POST', '/me/sendMail', { message: { toRecipients } }, wrong);
    expect(world.sent.map(({ envelope }) => envelope.from)).not.toContain(mail);
  });

  it.each([
    'From: gwen.okafor@contoso.example:;',
    'From: Team: hana.suzuki@contoso.example;',
    'From:',
    'From: Gwen Okafor',
    'From: hana.suzuki@contoso.example\r\nFrom: hana.suzuki@contoso.example',
    'From: hana.suzuki@contoso.example, hana.suzuki@contoso.example',
    'From: hana.suzuki@contoso.example\r\nSender: gwen.okafor@contoso.example:;',
  ])('in MIME says once whose it is: %s', async (head) => {
    await using world = await graphWorld();
    const payload = Buffer.from(`To: someone@post.example\r\n${head}\r\n\r\nHello`).toString('base64');
    const headers = { 'content-type': 'text/plain' };
    const { status } = await world.call('noRole', 'POST', '/me/sendMail', undefined, { payload, headers, ...wrong });
    expect([status, world.sent]).toEqual([400, []]);
  });
});
