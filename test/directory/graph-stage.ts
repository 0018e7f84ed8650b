// A tenant in a few lines, for the Graph adapter's own tests: Microsoft-shaped answers over https on a free port, a
// token endpoint, one clock for all, and everything that was said. What goes wrong is put in front of it (faults.ts).

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'vitest';
import type { Acting } from '../../connector/directory/directory.ts';
import { type GraphDirectory, graphDirectory, graphTenantOf } from '../../connector/directory/graph.ts';
import type { Limits } from '../../connector/entra/graph-client.ts';
import { tokensOf } from '../../connector/entra/tokens.ts';
import type { Caller } from '../../connector/http/auth.ts';
import { incoming, startEntra } from '../entra/entra.ts';
import { type Answer, type Asked, type Exchange, jsonAnswer, startFaultProxy } from '../graph/fault-proxy.ts';
import { graphError } from '../graph/faults.ts';
import { openApiJudge } from '../graph/openapi.ts';

export type Json = Record<string, unknown>;

export const ada = {
  id: '0a0a0a0a-0000-4000-8000-000000000001',
  userPrincipalName: "ada.o'neil+x&y@contoso.example",
  displayName: "Ada O'Neil",
  mail: 'Ada@contoso.example',
  otherMails: ['ada@mail.example', 'ADA@contoso.example'],
  proxyAddresses: [
    'SMTP:Ada@contoso.example',
    'smtp:ada.lovelace@contoso.example',
    'SIP:ada@contoso.example',
    'x500:/o=a',
  ],
  accountEnabled: true,
  userType: 'Member',
  onPremisesSyncEnabled: null,
  mobilePhone: '+90 555',
  preferredLanguage: 'tr-TR',
  jobTitle: 'Buyer',
  department: null,
  lastPasswordChangeDateTime: '2026-01-01T00:00:00Z',
};
export const tid = '99999999-0000-4000-8000-000000000001';
export const operationPath = /\/operations\//;
export const passId = '66666666-0000-4000-8000-000000000001';
export const resetPath = /\/resetPassword$/;
const callerId = '0b0b0b0b-0000-4000-8000-000000000002';

/** The service: what a test changes it changes here. */
export interface Service {
  /** Milliseconds; also of the Date header. */
  clock: number;
  readonly people: Record<string, Json>;
  /** Passwords as they were set, in order. */
  readonly set: { readonly id: string; readonly password: string; readonly force?: unknown }[];
  /** Answers of collections by path without /v1.0; what is absent is empty. */
  readonly collections: Record<string, Json[]>;
  /** How often an operation says running before its end, and the end. */
  operation: { running: number; end: string; statusDetail?: string };
  /** The pass of whoever has one, and the policy; undefined: nobody may read it. */
  pass: { there: boolean; methodUsabilityReason: string };
  passPolicy?: Json;
  /** What a filter or search finds. */
  find: (query: URLSearchParams) => Json[];
}

export async function startStage(limits: Partial<Limits> = {}, total = 30_000) {
  const entra = await startEntra();
  const proxy = await startFaultProxy();
  const judge = await openApiJudge();
  const service: Service = {
    clock: Date.UTC(2026, 10, 22, 21),
    people: { [ada.id]: { ...ada } },
    set: [],
    collections: {
      '/organization': [
        {
          id: tid,
          displayName: 'Contoso',
          verifiedDomains: [{ name: 'contoso.example' }, { name: 'contoso.onmicrosoft.com' }],
        },
      ],
    },
    operation: { running: 0, end: 'succeeded' },
    pass: { there: false, methodUsabilityReason: 'EnabledByPolicy' },
    find: () => [],
  };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    const [path = '/', query = ''] = (request.url ?? '/').split(/\?(.*)/s);
    const body = bytes.length > 0 ? { body: JSON.parse(bytes.toString()) as unknown } : {};
    const asked = { method: request.method ?? 'GET', path, query, headers: request.headers, bytes, ...body };
    const answer = serve(service, proxy.origin, asked);
    response.writeHead(answer.status, { date: new Date(service.clock).toUTCString(), ...answer.headers } as Record<
      string,
      string
    >);
    response.end(answer.bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  proxy.forwardTo(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const tokenDeps = { ...entra.deps(), now: () => service.clock, graph: proxy.origin };
  const tenantAs = (as: 'admin' | 'app', tokens = tokensOf(tokenDeps)) =>
    graphTenantOf({
      ...{ fetch, now: () => service.clock, log: tokenDeps.log, graph: proxy.origin, as, tokens, total },
      limits: { read: 1500, write: 1500, ...limits },
      pause: async (milliseconds) => {
        service.clock += milliseconds;
      },
    });
  let tenant = tenantAs('admin');
  const caller = { id: callerId, token: incoming('admin') } as unknown as Caller;
  const admin: Acting = { kind: 'caller', caller };

  return {
    ...{ entra, proxy, service, admin, caller, callerId },
    directory: (acting: Acting = admin): GraphDirectory => graphDirectory(tenant, acting),
    get tenant() {
      return tenant;
    },
    /** Everything in the connector's own name. */
    asApp: () => graphDirectory(tenantAs('app'), admin),
    /** A connector that knows nothing of what was set before. */
    restart() {
      tenant = tenantAs('admin', tenant.tokens);
    },
    /** Requests of a method to a path. */
    asked: (method: string, path: RegExp): Exchange[] =>
      proxy.passed.filter((one) => one.method === method && path.test(one.path)),
    async [Symbol.asyncDispose]() {
      await proxy.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await entra[Symbol.asyncDispose]();
      // What was said, by Microsoft's own description, wherever it has the path.
      for (const { method, path, requestBody, status, body, fault } of proxy.passed) {
        if (!judge?.knows(method, path)) continue;
        const bodyless = path.endsWith('revokeSignInSessions');
        expect(judge.request(method, path, bodyless ? undefined : requestBody), `${method} ${path}`).toEqual([]);
        if (fault === undefined && status !== undefined && status < 400) {
          expect(judge.answer(method, path, status, body), `${method} ${path} ${JSON.stringify(body)}`).toEqual([]);
        }
      }
      expect(entra.lines.join('')).not.toMatch(/access-\d|refresh-\d|hunter2/);
      for (const { password } of service.set) expect(entra.lines.join('')).not.toContain(password);
    },
  };
}

function serve(service: Service, origin: string, asked: Asked): Answer {
  const path = asked.path.replace(/^\/v1\.0/, '');
  const query = new URLSearchParams(asked.query);
  const context = `${origin}/v1.0/$metadata#x`;
  const [, , id = '', ...rest] = path.split('/').map(decodeURIComponent);
  const body = (asked.body ?? {}) as Json;
  const unknown = () => graphError(asked, 404, 'Request_ResourceNotFound', `Resource '${id}' does not exist.`);
  const empty = (status: number): Answer => ({ status, headers: {}, bytes: Buffer.alloc(0) });
  if (path === '/users') return jsonAnswer(200, { '@odata.context': context, value: service.find(query) });
  const collection = service.collections[path];
  if (collection) return jsonAnswer(200, { '@odata.context': context, value: collection });
  if (/\/(transitiveMemberOf|ownedObjects)$|^\/(domains|roleManagement)/.test(path)) {
    if (path.startsWith('/users/') && !service.people[id]) return unknown();
    return jsonAnswer(200, { '@odata.context': context, value: [] });
  }
  if (path.startsWith('/policies/')) {
    if (service.passPolicy) return jsonAnswer(200, { '@odata.context': context, ...service.passPolicy });
    return graphError(asked, 403, 'accessDenied', 'You do not have access.');
  }
  const person = service.people[id];
  if (!path.startsWith('/users/') || !person) return unknown();
  const change = (password: string, force?: unknown) => {
    service.set.push({ id, password, force });
    person.lastPasswordChangeDateTime = `${new Date(service.clock).toISOString().slice(0, 19)}Z`;
  };
  switch (`${asked.method} ${rest.join('/')}`) {
    case 'GET ': {
      const wanted = (query.get('$select') ?? '').split(',');
      return jsonAnswer(200, {
        '@odata.context': context,
        ...Object.fromEntries(wanted.map((name) => [name, person[name]])),
      });
    }
    case 'PATCH ': {
      const { passwordProfile, ...others } = body as {
        passwordProfile?: { password: string; forceChangePasswordNextSignIn?: unknown };
      };
      if (passwordProfile) change(passwordProfile.password, passwordProfile.forceChangePasswordNextSignIn);
      Object.assign(person, others);
      return empty(204);
    }
    case 'POST authentication/methods/28c10230-6103-485e-b985-444c60001490/resetPassword': {
      // As Microsoft's own: the value is taken now, and holds once the operation has succeeded.
      person.pending = body.newPassword;
      const location = `${origin}/v1.0/users/${id}/authentication/operations/77777777-0000-4000-8000-000000000001?aadgdc=DUB02P&aadgsu=ssprprod`;
      return jsonAnswer(202, {}, { location });
    }
    case 'GET authentication/operations/77777777-0000-4000-8000-000000000001': {
      const { running, end, statusDetail } = service.operation;
      if (running > 0) service.operation.running -= 1;
      const status = running > 0 ? 'running' : end;
      if (/^succeeded$/i.test(status) && typeof person.pending === 'string') {
        change(person.pending);
        delete person.pending;
      }
      const at = new Date(service.clock).toISOString();
      return jsonAnswer(200, {
        '@odata.context': context,
        ...{ id: rest[2], status, createdDateTime: at, lastActionDateTime: at },
        ...(statusDetail === undefined || running > 0 ? {} : { statusDetail }),
      });
    }
    case 'POST revokeSignInSessions':
      return jsonAnswer(200, { '@odata.context': `${origin}/v1.0/$metadata#Edm.Boolean`, value: true });
    case 'GET authentication/temporaryAccessPassMethods':
      return jsonAnswer(200, { '@odata.context': context, value: service.pass.there ? [{ id: passId }] : [] });
    case `GET authentication/temporaryAccessPassMethods/${passId}`: {
      const { there, methodUsabilityReason } = service.pass;
      return there ? jsonAnswer(200, { '@odata.context': context, id: passId, methodUsabilityReason }) : unknown();
    }
    case `DELETE authentication/temporaryAccessPassMethods/${passId}`:
      if (!service.pass.there) return unknown();
      service.pass.there = false;
      return empty(204);
    case 'POST authentication/temporaryAccessPassMethods':
      service.pass.there = true;
      return jsonAnswer(201, {
        '@odata.context': context,
        ...{ id: passId, temporaryAccessPass: 'T4p-Secret', isUsable: true },
        ...{ isUsableOnce: false, lifetimeInMinutes: 60, methodUsabilityReason: service.pass.methodUsabilityReason },
        ...{ createdDateTime: '2026-11-22T21:00:00Z', startDateTime: '2026-11-22T21:00:00Z', ...body },
      });
    case 'POST sendMail':
      return { ...empty(202), headers: { 'request-id': '55555555-0000-4000-8000-000000000001' } };
    default:
      return unknown();
  }
}
