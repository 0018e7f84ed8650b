// The Graph adapter keeps the contract of directories, against a real Graph door with a real sign-in behind it.

import { expect, test } from 'vitest';
import { graphDirectory, graphTenantOf } from '../../connector/directory/graph.ts';
import { applicationPermissions, delegatedScopes } from '../../connector/entra/permissions.ts';
import { tokensOf } from '../../connector/entra/tokens.ts';
import type { GraphPermissionName } from '../../connector/graph/permissions.ts';
import type { Caller } from '../../connector/http/auth.ts';
import { logger } from '../../connector/log.ts';
import { openApiJudge } from '../graph/openapi.ts';
import { startUpstream, type Upstream, type UpstreamOptions } from '../graph/upstream.ts';
import { directoryContract, type Subject } from './contract.ts';

const judge = await openApiJudge();

async function directoryOf(upstream: Upstream, as: 'admin' | 'app') {
  const { world, origin, issuer, clientId, clientSecret } = upstream;
  const log = logger('silent');
  const common = { fetch, now: world.now, log, graph: origin };
  const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
  const credential = { kind: 'secret', secret: clientSecret } as const;
  const tokens = tokensOf({ ...common, random, issuer, clientId, credential });
  const tenant = graphTenantOf({ ...common, tokens, as, pause: async () => {} });
  const caller = { id: world.ids.globalAdmin, token: await upstream.extensionToken('globalAdmin') } as Caller;
  return { tenant, directory: graphDirectory(tenant, { kind: 'caller', caller }) };
}

const make =
  (as: 'admin' | 'app', options: UpstreamOptions = {}) =>
  async (): Promise<Subject> => {
    const upstream = await startUpstream(options);
    const { directory } = await directoryOf(upstream, as);
    return {
      directory,
      // Entra keeps no record of whose hand it was.
      knowsWho: false,
      advance: (milliseconds) => void upstream.world.pass(milliseconds),
      signsIn: upstream.signsIn,
      choosePassword: upstream.choosePassword,
      sessions: upstream.sessions,
      signIn: upstream.signIn,
      giveRole: upstream.giveRole,
      async close() {
        await upstream[Symbol.asyncDispose]();
        for (const { method, path, requestBody, status, body } of upstream.proxy.passed) {
          if (!path.startsWith('/v1.0/') || !judge?.knows(method, path) || status === undefined) continue;
          const sent = path.endsWith('revokeSignInSessions') ? undefined : requestBody;
          expect(judge.request(method, path, sent), `${method} ${path}`).toEqual([]);
          expect(judge.answer(method, path, status, body), `${method} ${path} ${status}`).toEqual([]);
        }
      },
    };
  };

const application = Object.keys(applicationPermissions) as GraphPermissionName[];

directoryContract('Graph, on behalf of an admin', make('admin'));
directoryContract('Graph, in its own name', make('app', { application, delegated: [] }));

test.skipIf(judge)('without Microsoft’s description the exchanges are not held against it', () => {});

test('a reset goes on with the refresh token after the admin’s own token has ended', async () => {
  await using upstream = await startUpstream();
  const { tenant, directory } = await directoryOf(upstream, 'admin');
  const grant = await directory.grant();
  expect(grant.identity).toBe('admin');
  await upstream.world.pass(3 * 3600_000);
  const later = graphDirectory(tenant, { kind: 'grant', grant, keep: async () => {} });
  const amara = upstream.world.ids.amara;
  const password = 'Kf7e-rB4m-t9Rz-5hWd';
  const outcome = await later.setPassword(amara, { password, forceChangePasswordNextSignIn: true }, 'reset:1');
  expect(outcome.outcome).toBe('done');
  expect(await upstream.signsIn(amara, password)).toBe(true);
});

test('with less consent than is asked for, what was consented to is used', async () => {
  await using upstream = await startUpstream({ delegated: [...delegatedScopes('needed'), 'User.RevokeSessions.All'] });
  const { directory } = await directoryOf(upstream, 'admin');
  expect(await directory.revokeSessions(upstream.world.ids.amara)).toMatchObject({ outcome: 'done' });
  expect((await directory.grant()).identity).toBe('admin');
  await using poor = await startUpstream({ delegated: ['User.Read', 'User.Read.All'] });
  const refused = (await directoryOf(poor, 'admin')).directory.find(poor.world.ids.amara);
  await expect(refused).rejects.toMatchObject({
    code: 'consentMissing',
    details: { permission: expect.stringContaining('User-PasswordProfile.ReadWrite.All') },
  });
});

test('whoever has lost the role is refused by the directory itself', async () => {
  await using upstream = await startUpstream();
  const { tenant } = await directoryOf(upstream, 'admin');
  const caller = { id: upstream.world.ids.noRole, token: await upstream.extensionToken('noRole') } as Caller;
  const directory = graphDirectory(tenant, { kind: 'caller', caller });
  const profile = { password: 'Kf7e-rB4m-t9Rz-5hWd', forceChangePasswordNextSignIn: true };
  expect(await directory.setPassword(upstream.world.ids.amara, profile, 'reset:1')).toMatchObject({
    outcome: 'failed',
    problem: { code: 'targetPrivileged', details: { reason: 'directory' } },
  });
});
