// Who answers at the token endpoint, in a whole connector and on a connection that is kept: programs are answered here,
// public clients by the provider, with the body that has been read already.

import { Agent, request } from 'node:https';
import { describe, expect, it } from 'vitest';
import { addSecret, createClient, mintAppId, mintSecret } from '../../connector/store/clients.ts';
import { extensionId, makeWorld, origin, type World } from '../world.ts';
import { issuer, openSite, random } from './visitor.ts';

const form = { 'content-type': 'application/x-www-form-urlencoded' };

async function program({ sql, now }: World) {
  const id = mintAppId(now(), random);
  const secret = mintSecret(random);
  const by = { at: now(), actor: 'operator' };
  await sql.run(function* (tx) {
    const graph = { appRoles: ['User.Read.All'], delegated: [], api: false };
    yield* createClient(tx, { tenant: 'default', id, name: 'script', scopes: [], tokenMinutes: 60, graph }, by);
    yield* addSecret(tx, 'default', id, secret, { overlap: 0 }, by);
  });
  return { client_id: id, client_secret: secret.secret.reveal() };
}

describe('the token endpoint of a connector', () => {
  it('gives a script what opens the Graph door, and a page of another origin nothing to read', async () => {
    await using world = await makeWorld({ names: [] });
    const scope = `${origin}/.default`;
    const fields = { grant_type: 'client_credentials', scope, ...(await program(world)) };
    const answer = await world.app.inject({
      ...{ method: 'POST', url: '/signin/default/token', headers: { ...form, origin: 'https://evil.example' } },
      payload: new URLSearchParams(fields).toString(),
    });
    expect(answer.statusCode, answer.body).toBe(200);
    expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
    const { access_token: token } = answer.json<{ access_token: string }>();
    const door = (authorization?: string) =>
      world.app.inject({ url: '/v1.0/no-such-thing', headers: authorization === undefined ? {} : { authorization } });
    expect((await door()).statusCode).toBe(401);
    expect((await door(`Bearer ${token}`)).statusCode).toBe(400);
    const api = await world.app.inject({ url: '/api/resets/x', headers: { authorization: `Bearer ${token}` } });
    expect(api.statusCode).toBe(401);
    expect(world.logged.join('')).not.toContain(token);
  });

  it('leaves public clients to the provider, whoever read the body', async () => {
    await using world = await makeWorld({ names: [] });
    const fields = { client_id: 'reset-and-resend-extension', grant_type: 'refresh_token', refresh_token: 'x' };
    const answer = await world.app.inject({
      ...{ method: 'POST', url: '/signin/default/token' },
      headers: { ...form, origin: `chrome-extension://${extensionId}` },
      payload: new URLSearchParams(fields).toString(),
    });
    expect([answer.statusCode, answer.json<object>()]).toEqual([
      400,
      expect.objectContaining({ error: 'invalid_grant' }),
    ]);
    expect(answer.headers['access-control-allow-origin']).toBe(`chrome-extension://${extensionId}`);
    const nowhere = await world.app.inject({
      ...{ method: 'POST', url: '/signin/nobody/token', headers: form, payload: 'grant_type=client_credentials' },
    });
    expect([nowhere.statusCode, nowhere.json<{ error: string }>().error]).toEqual([404, 'invalid_request']);
  });

  it('answers one after the other on a connection that is kept', async () => {
    await using site = await openSite();
    using agent = Object.assign(new Agent({ keepAlive: true, maxSockets: 1 }), {
      [Symbol.dispose]: () => agent.destroy(),
    });
    const body = 'client_id=reset-and-resend-extension&grant_type=refresh_token&refresh_token=x';
    const ports = new Set<number | undefined>();
    const post = () =>
      new Promise<number | undefined>((resolve, reject) => {
        const outgoing = request(
          {
            ...{ host: '127.0.0.1', port: site.port, path: new URL(`${issuer}/token`).pathname, method: 'POST', agent },
            ...{ rejectUnauthorized: false, headers: { ...form, 'content-length': body.length } },
          },
          (answer) => {
            ports.add(answer.socket.localPort);
            answer.resume().on('end', () => resolve(answer.statusCode));
          },
        );
        outgoing.on('error', reject).end(body);
      });
    expect([await post(), await post(), await post()]).toEqual([400, 400, 400]);
    expect(ports.size).toBe(1);
  });
});
