// Whole resets on a Graph upstream with whose right they are made: challenges, revoked sign-ins, missing consent, the
// connector's own name, and mail that leaves by Graph.

import { describe, expect, test } from 'vitest';
import type { ProblemBody } from '#shared/problem.ts';
import {
  applicationPermissions,
  delegatedMailPermissions,
  delegatedPermissions,
} from '../../connector/entra/permissions.ts';
import type { GraphPermissionName } from '../../connector/graph/permissions.ts';
import { roleTemplates } from '../../connector/policy/roles.ts';
import { revokeClient, setGraphRights } from '../../connector/store/clients.ts';
import { endSessions } from '../../connector/store/credentials.ts';
import { assignRole } from '../../connector/store/roles.ts';
import { graphUser } from '../../connector/store/user-resource.ts';
import { adminPassword, type Downstream, graph, hour, minute, settings, startDownstream } from './downstream.ts';
import type { Fault } from './fault-proxy.ts';
import { faults } from './faults.ts';

const claims = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}';
const taken = (stage: Downstream) => settings(stage.proxy.passed, stage.ids.amara);
const everything = [...Object.keys(delegatedPermissions), ...delegatedMailPermissions] as GraphPermissionName[];
const application = Object.keys(applicationPermissions) as GraphPermissionName[];

describe('a claims challenge', () => {
  const where = [
    ['of Graph', graph.memberships, faults.insufficientClaims(claims)],
    ['of the sign-in', graph.token, faults.interactionRequired(claims)],
  ] as const;

  test.each(where)(
    '%s at the offer travels to the extension, word for word, and the next sign-in is let in',
    async (_, at, fault) => {
      await using stage = await startDownstream();
      stage.proxy.fault(at, fault);
      const refused = await stage.api('globalAdmin', 'GET', `/users/${stage.ids.amara}/offer`);
      expect([refused.statusCode, refused.json<ProblemBody>().code]).toEqual([401, 'signInAgain']);
      const challenge = String(refused.headers['www-authenticate']);
      expect(challenge).toContain('error="insufficient_claims"');
      const [, encoded = ''] = /claims="([^"]+)"/.exec(challenge) ?? [];
      expect(Buffer.from(encoded, 'base64').toString()).toBe(claims);
      expect((await stage.offer('globalAdmin', 'amara')).refusal).toBeUndefined();
    },
  );

  const steps = [
    ['before the change', 'mailed', graph.memberships, faults.insufficientClaims(claims)],
    ['at the token endpoint', 'mailed', graph.token, faults.interactionRequired(claims)],
    ['at the change itself', 'changing', graph.patch, faults.insufficientClaims(claims)],
  ] as const;
  test.each(steps)('%s of the walk: somebody must sign in again, and it goes on', async (_, state, at, fault) => {
    await using stage = await startDownstream();
    const { id } = await stage.start();
    const met = stage.proxy.fault({ ...at, times: Number.POSITIVE_INFINITY }, fault);
    await stage.walk();
    const before = met.met;
    met.remove();
    const waiting = await stage.see(id);
    expect(waiting).toMatchObject({
      state,
      needsYou: 'signInAgain',
      why: { code: 'signInAgain', details: { claims } },
    });
    expect(waiting.may).toContain('grant');
    expect(before).toBeLessThanOrEqual(1);
    expect(await stage.works()).toBe(true);
    expect(taken(stage)).toEqual([]);
    await stage.pass(minute);
    const granted = await stage.act('grant', id, 'passwordAdmin');
    expect(granted.statusCode, granted.body).toBe(200);
    await stage.walk();
    expect(await stage.holdsTrue(id)).toMatchObject({ state: 'ready' });
    expect(taken(stage)).toHaveLength(1);
  });
});

describe('the admin’s right is taken away between mail and change', () => {
  const ways = [
    [
      'their sessions are ended',
      (stage: Downstream) => stage.upstreamDoes((tx) => endSessions(tx, 'default', stage.ids.globalAdmin, stage.now())),
    ],
    [
      'their password is changed',
      (stage: Downstream) => stage.upstream.world.signUp('globalAdmin', `${adminPassword}2`),
    ],
    ['they are blocked', (stage: Downstream) => stage.alter('globalAdmin', { active: false })],
  ] as const;

  test.each(ways)('%s: nothing is changed, and another admin lets it go on', async (_, takeAway) => {
    await using stage = await startDownstream();
    const { id } = await stage.start();
    stage.onMail(async () => {
      await stage.upstream.world.pass(2000);
      await takeAway(stage);
    });
    await stage.walk();
    const waiting = await stage.see(id, 'passwordAdmin');
    expect(waiting).toMatchObject({ state: 'mailed', needsYou: 'signInAgain' });
    expect(await stage.works()).toBe(true);
    const told = waiting.events.length;
    const asked = stage.proxy.passed.length;
    for (let hours = 0; hours < 5; hours++) await stage.pass(hour);
    // Looked at once an hour, and told once.
    expect(stage.proxy.passed.length - asked).toBeLessThan(10);
    expect((await stage.see(id, 'passwordAdmin')).events).toHaveLength(told);
    expect(taken(stage)).toEqual([]);
    expect((await stage.act('grant', id, 'passwordAdmin')).statusCode).toBe(200);
    await stage.walk();
    // Whoever has signed in is whose role counts: the first one's may be gone with their sign-in.
    expect((await stage.see(id, 'passwordAdmin')).state).toBe('ready');
    const { password = '' } = await stage.open();
    expect(await stage.holds('amara', password)).toBe(true);
  });

  test('and nobody signs in again: the link is over in time, and the old password works', async () => {
    await using stage = await startDownstream();
    const { id } = await stage.start();
    stage.onMail(() => stage.upstreamDoes((tx) => endSessions(tx, 'default', stage.ids.globalAdmin, stage.now())));
    await stage.walk();
    await stage.days(2);
    expect((await stage.see(id)).state).toBe('expired');
    expect(await stage.works()).toBe(true);
    expect(taken(stage)).toEqual([]);
    expect(await stage.grantKept()).toBe(false);
    await stage.keepsSecrets();
  });

  test('after the change: the link works, and its scramble waits for somebody to sign in', async () => {
    await using stage = await startDownstream();
    const { id } = await stage.start();
    await stage.walk();
    await stage.upstreamDoes((tx) => endSessions(tx, 'default', stage.ids.globalAdmin, stage.now()));
    await stage.days(2);
    expect(await stage.see(id)).toMatchObject({ state: 'expired', needsYou: 'signInAgain' });
    const [ours = ''] = taken(stage);
    expect(await stage.holds('amara', ours)).toBe(true);
    expect((await stage.act('grant', id, 'passwordAdmin')).statusCode).toBe(200);
    await stage.walk();
    expect((await stage.see(id)).state).toBe('scrambled');
    expect(await stage.holds('amara', ours)).toBe(false);
    expect(await stage.grantKept()).toBe(false);
  });
});

describe('what an operator can mend', () => {
  const less = (stage: Downstream) =>
    stage.upstreamDoes((tx, by) => {
      const delegated = everything.filter((name) => name !== 'RoleManagement.Read.Directory');
      const rights = { appRoles: [], delegated, api: true };
      return setGraphRights(tx, 'default', stage.upstream.clientId, rights, by);
    });
  const more = (stage: Downstream) =>
    stage.upstreamDoes((tx, by) => {
      const rights = { appRoles: [], delegated: everything, api: true };
      return setGraphRights(tx, 'default', stage.upstream.clientId, rights, by);
    });

  test('consent is missing from the start: said by its name, and nothing is begun', async () => {
    await using stage = await startDownstream();
    await less(stage);
    const refused = await stage.api('globalAdmin', 'GET', `/users/${stage.ids.amara}/offer`);
    expect(refused.statusCode).toBe(503);
    expect(refused.json<ProblemBody>()).toMatchObject({
      code: 'consentMissing',
      detail: expect.stringContaining('RoleManagement.Read.Directory'),
    });
    await more(stage);
    expect((await stage.offer('globalAdmin', 'amara')).refusal).toBeUndefined();
  });

  test('what is not needed may be missing: one request for a token, and the reset goes well', async () => {
    const needed = everything.filter((name) => !/RevokeSessions|AuthenticationMethod|Mail|Domain/.test(name));
    await using stage = await startDownstream({ upstream: { delegated: needed } });
    const { id } = await stage.start();
    expect(stage.asked(graph.token)).toHaveLength(1);
    await stage.walk();
    const reset = await stage.holdsTrue(id);
    expect(reset.state).toBe('ready');
    expect(reset.events.find(({ name }) => name === 'passwordSet')?.evidence).toBe('sessions not ended');
    expect(stage.asked(graph.token).every(({ status }) => status === 200)).toBe(true);
  });

  const mended: readonly (readonly [
    string,
    string,
    string,
    typeof graph.token | typeof graph.roles | typeof graph.look,
    Fault,
  ])[] = [
    ['the connector’s secret', 'directoryMisconfigured', 'mailed', graph.token, faults.invalidClient(7000222)],
    ['consent', 'consentMissing', 'mailed', graph.token, faults.invalidGrant(65001, 'No consent.')],
    ['a permission to read people', 'consentMissing', 'mailed', graph.look, faults.denied()],
  ];
  test.each(mended)(
    '%s is gone between mail and change: it waits, visibly, and goes on when that is mended',
    async (_, code, state, at, fault) => {
      await using stage = await startDownstream();
      const { id } = await stage.start();
      const met = stage.proxy.fault({ ...at, times: Number.POSITIVE_INFINITY }, fault);
      await stage.walk();
      met.remove();
      const waiting = await stage.see(id);
      expect(waiting).toMatchObject({ state, needsYou: 'directoryFailed', why: { code } });
      expect(waiting.nextAttemptAt).toBeDefined();
      expect(waiting.may).toContain('cancel');
      expect(await stage.works()).toBe(true);
      expect(taken(stage)).toEqual([]);
      await stage.pass(minute);
      const reset = await stage.holdsTrue(id);
      expect(reset).toMatchObject({ state: 'ready' });
      expect(reset.needsYou).toBeUndefined();
    },
  );

  test('is not mended: the link is over in time, it was never armed, and the old password works', async () => {
    await using stage = await startDownstream();
    const { id } = await stage.start();
    const { clientId } = stage.upstream;
    stage.onMail(() => stage.upstreamDoes((tx, by) => revokeClient(tx, 'default', clientId, by)));
    await stage.walk();
    const state = () => stage.world.sql.get`select state, needs_you, sealed_grant from reset`;
    expect(await state()).toMatchObject({ state: 'mailed', needs_you: 'directoryFailed' });
    expect((await stage.open()).answer.state).toBe('notReady');
    const asked = stage.proxy.passed.length;
    await stage.days(2);
    // Hourly at most.
    expect(stage.proxy.passed.length - asked).toBeLessThan(40);
    expect(await state()).toEqual({ state: 'expired', needs_you: null, sealed_grant: null });
    expect((await stage.open()).answer.state).toBe('expired');
    expect(await stage.works()).toBe(true);
    expect(taken(stage)).toEqual([]);
    expect(id).not.toBe('');
  });

  test('while the change is made: nothing is refused for good', async () => {
    await using stage = await startDownstream();
    const { id } = await stage.start();
    stage.proxy.fault(graph.patch, faults.committedThenDropped());
    await stage.walk();
    const met = stage.proxy.fault({ ...graph.token, times: Number.POSITIVE_INFINITY }, faults.invalidClient());
    // The token of this hour is over.
    await stage.pass(2 * hour);
    met.remove();
    expect(await stage.see(id)).toMatchObject({ state: 'changing', needsYou: 'directoryFailed' });
    await stage.pass(10 * minute);
    expect(await stage.holdsTrue(id)).toMatchObject({ state: 'ready' });
    expect(new Set(taken(stage)).size).toBe(1);
  });
});

describe('in the connector’s own name, where our matrix is the only guard', () => {
  const asApp = { env: { RR_GRAPH_AS: 'app' }, upstream: { application, delegated: [] } };

  test('a reset is made by it, and nothing of an admin’s is kept', async () => {
    await using stage = await startDownstream(asApp);
    expect((await stage.offer('passwordAdmin', 'amara')).later).toBe('app');
    const { id } = await stage.start('passwordAdmin');
    await stage.walk();
    expect(await stage.holdsTrue(id)).toMatchObject({ state: 'ready' });
    expect(await stage.grantKept()).toBe(false);
    expect(
      stage.asked(graph.token).map(({ requestBody }) => (requestBody as { grant_type: string }).grant_type),
    ).toEqual(stage.asked(graph.token).map(() => 'client_credentials'));
    await stage.days(4);
    expect((await stage.see(id)).state).toBe('scrambled');
  });

  test('a Password Administrator resets no Global Administrator, though the app could', async () => {
    await using stage = await startDownstream(asApp);
    const { clientId, clientSecret, issuer, origin } = stage.upstream;
    const { globalAdmin } = stage.ids;
    await stage.upstreamDoes((tx, by) =>
      assignRole(tx, 'default', clientId, roleTemplates['Privileged Authentication Administrator'], by),
    );
    expect((await stage.offer('passwordAdmin', 'globalAdmin')).refusal?.code).toBe('targetPrivileged');
    const refused = await stage.ask('passwordAdmin', 'globalAdmin');
    expect([refused.statusCode, refused.json<ProblemBody>().code]).toEqual([403, 'targetPrivileged']);
    expect((await stage.ask('noRole', 'amara')).statusCode).toBe(403);
    expect(stage.asked(graph.patch)).toEqual([]);
    expect(stage.world.sent).toEqual([]);

    const form = new URLSearchParams({
      ...{ grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret.reveal() },
      scope: `${origin}/.default`,
    });
    const answer = await fetch(`${issuer}/token`, { method: 'POST', body: form });
    const { access_token: token } = (await answer.json()) as { access_token: string };
    const body = { passwordProfile: { password: 'The-App-C0uld-Do-it', forceChangePasswordNextSignIn: true } };
    const done = await fetch(`${origin}/v1.0/users/${globalAdmin}`, {
      method: 'PATCH',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(done.status).toBe(204);
  });

  test('roles that cannot be read are no roles: nothing is offered, nothing is changed', async () => {
    await using stage = await startDownstream(asApp);
    const { id } = await stage.start('passwordAdmin');
    const fault = stage.proxy.fault({ ...graph.roles, times: Number.POSITIVE_INFINITY }, faults.denied());
    const offer = await stage.api('passwordAdmin', 'GET', `/users/${stage.ids.priya}/offer`);
    expect([offer.statusCode, offer.json<ProblemBody>().code]).toEqual([503, 'consentMissing']);
    await stage.walk();
    fault.remove();
    expect(await stage.see(id)).toMatchObject({ state: 'mailed', needsYou: 'directoryFailed' });
    expect(taken(stage)).toEqual([]);
    await stage.pass(minute);
    expect((await stage.see(id)).state).toBe('ready');
  });

  test('a person who is synchronised cannot be reset by it, which is said beforehand', async () => {
    await using stage = await startDownstream(asApp);
    await stage.alter('amara', { [graphUser]: { onPremisesSyncEnabled: true } });
    expect((await stage.offer('passwordAdmin', 'amara')).refusal?.code).toBe('targetSynced');
  });

  test('a challenge to it goes to nobody: another token is fetched', async () => {
    await using stage = await startDownstream(asApp);
    stage.proxy.fault(graph.memberships, faults.insufficientClaims(claims));
    expect((await stage.offer('passwordAdmin', 'amara')).refusal).toBeUndefined();
    const asked = stage.asked(graph.token).at(-1)?.requestBody as { claims: string };
    expect(JSON.parse(asked.claims)).toMatchObject(JSON.parse(claims));
  });
});

test('an admin who may reset, and not end sessions: a success in part, which is said', async () => {
  await using stage = await startDownstream();
  const { id } = await stage.start('passwordAdmin');
  stage.proxy.fault(graph.revoke, faults.denied());
  await stage.walk();
  const reset = await stage.holdsTrue(id);
  expect(reset.state).toBe('ready');
  expect(reset.events.find(({ name }) => name === 'passwordSet')?.evidence).toBe('sessions not ended');
});

describe('mail that leaves by Graph', () => {
  const mailbox = 'kwame.mensah@contoso.example';
  const byGraph = { env: { RR_MAIL: `graph://${mailbox}`, RR_MAIL_FROM: `IT Service Desk <${mailbox}>` } };
  const own = { ...byGraph, upstream: { application: ['Mail.Send'] as const } };

  test('202: accepted by Exchange, once, kept in nobody’s Sent Items; its link is the one', async () => {
    await using stage = await startDownstream(own);
    const { id } = await stage.start();
    await stage.walk();
    const reset = await stage.see(id);
    expect(reset.state).toBe('ready');
    expect(reset.events.find(({ name }) => name === 'accepted')?.evidence).toMatch(/^202 accepted by Exchange/);
    const [sent, ...more] = stage.asked(graph.sendMail);
    expect(more).toEqual([]);
    expect(sent?.requestBody).toMatchObject({ saveToSentItems: false });
    const { password = '' } = await stage.open(await stage.exchanged());
    expect(await stage.holds('amara', password)).toBe(true);
  });

  test('429: later, when it was said; the same message again, the password not before it', async () => {
    await using stage = await startDownstream(own);
    const { id } = await stage.start();
    const fault = stage.proxy.fault({ ...graph.sendMail, times: 2 }, faults.throttled(7 * 60));
    await stage.walk();
    const waiting = await stage.see(id);
    expect(waiting.state).toBe('mailing');
    expect(Date.parse(waiting.nextAttemptAt ?? '') - stage.now()).toBe(7 * minute);
    await stage.pass(7 * minute - 1000);
    expect(fault.seen).toBe(1);
    await stage.pass(1000);
    expect(fault.seen).toBe(2);
    expect(stage.asked(graph.patch)).toEqual([]);
    expect(stage.upstream.world.sent).toEqual([]);
    await stage.pass(7 * minute);
    expect((await stage.see(id)).state).toBe('ready');
    expect(stage.upstream.world.sent).toHaveLength(1);
    expect(new Set(stage.asked(graph.sendMail).map(({ requestBody }) => JSON.stringify(requestBody))).size).toBe(1);
  });

  test('the answer is lost: the very same message again', async () => {
    await using stage = await startDownstream(own);
    const { id } = await stage.start();
    stage.proxy.fault(graph.sendMail, faults.committedThenDropped());
    await stage.walk();
    expect((await stage.see(id)).state).toBe('mailing');
    await stage.pass(minute);
    expect((await stage.see(id)).state).toBe('ready');
    const said = stage.asked(graph.sendMail).map(({ requestBody }) => JSON.stringify(requestBody));
    expect([said.length, new Set(said).size]).toEqual([2, 1]);
    const first = await stage.exchanged(0);
    expect((await stage.exchanged(1)).url).toBe(first.url);
    const { password = '' } = await stage.open(first);
    expect(await stage.holds('amara', password)).toBe(true);
  });

  test('nobody may send: an operator is told, and nothing is changed', async () => {
    await using stage = await startDownstream({ ...byGraph, upstream: { application: ['User.Read.All'] } });
    const { id } = await stage.start();
    await stage.walk();
    expect(await stage.see(id)).toMatchObject({ state: 'mailing', needsYou: 'mailMisconfigured' });
    expect(await stage.works()).toBe(true);
    expect(stage.asked(graph.patch)).toEqual([]);
  });
});
