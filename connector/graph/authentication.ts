// How a person signs in: /users/{id}/authentication. The password (its reset, which is done behind a 202 and told of by
// an operation) and the Temporary Access Pass.
//
//   GET  …/methods[/{id}]                      GET  …/passwordMethods[/{id}]
//   POST …/methods/{password}/resetPassword    GET  …/operations/{id}            (passwordMethods/… is an alias)
//   GET, POST …/temporaryAccessPassMethods     GET, DELETE …/temporaryAccessPassMethods/{id}

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '#shared/problem.ts';
import type { Tx, Work } from '../sql/sql.ts';
import { type Credential, readCredential } from '../store/credentials.ts';
import { beginOperation, type Operation, readOperation } from '../store/operations.ts';
import type { Stamp } from '../store/resource.ts';
import {
  givePass,
  makePass,
  readPass,
  type TemporaryAccessPass,
  takePass,
  usabilityOf,
} from '../store/temporary-access-pass.ts';
import type { UserContent } from '../store/user-resource.ts';
import { contentOf } from '../store/users.ts';
import { uuidv7 } from '../store/uuid.ts';
import { callerOf, type Permissions } from './access.ts';
import { authorise, isAllowed } from './authority.ts';
import { collectionOf, contextOf, doorPath, type GraphDeps, stampOf } from './deps.ts';
import { badRequest, notFound } from './error.ts';
import { makePassword, passwordPerson, refuseChosen, refuseWeak } from './password.ts';
import { obstacleToPassword, syncRefusal } from './password-obstacle.ts';
import { passwordWork } from './password-work.ts';
import { personIn, personOf, routePerson } from './person.ts';

/** The id of everybody's password as an authentication method: the same in every organisation. */
export const passwordMethodId = '28c10230-6103-485e-b985-444c60001490';

const reads: Permissions = {
  delegated: ['UserAuthenticationMethod.Read.All', 'UserAuthenticationMethod.ReadWrite.All'],
  application: ['UserAuthenticationMethod.Read.All', 'UserAuthenticationMethod.ReadWrite.All'],
};
const writes: Permissions = {
  delegated: ['UserAuthenticationMethod.ReadWrite.All'],
  application: ['UserAuthenticationMethod.ReadWrite.All'],
};
/** An app alone cannot: whose session would answer for it? */
const delegatedOnly: Permissions = { ...writes, application: [] };

const time = (at: number) => new Date(at).toISOString();

function passwordMethod(credential: Credential | undefined) {
  const createdDateTime = credential ? time(credential.changedAt) : null;
  return { id: passwordMethodId, createdDateTime, password: null };
}

function passMethod(pass: TemporaryAccessPass, now: number, shown: string | null = null) {
  const methodUsabilityReason = usabilityOf(pass, now);
  return {
    id: pass.id,
    createdDateTime: time(pass.created),
    startDateTime: time(pass.starts),
    lifetimeInMinutes: Math.round((pass.ends - pass.starts) / 60_000),
    isUsableOnce: pass.once,
    isUsable: methodUsabilityReason === 'EnabledByPolicy',
    methodUsabilityReason,
    temporaryAccessPass: shown,
  };
}

export function authenticationRoutes(app: FastifyInstance, deps: GraphDeps): void {
  const { sql, now } = deps;
  const under = '/authentication';

  // Units of work are named and not written where they are run: see the endpoints of the SCIM door.
  function* methodsOf(tx: Tx, request: FastifyRequest) {
    const access = callerOf(request);
    const tenant = access.tenant.id;
    const { id } = yield* personOf(tx, tenant, personIn(request));
    // One's own may be read by everybody.
    if (access.appOnly || access.oid !== id) yield* authorise(tx, access, 'readMethods', id);
    const credential = yield* readCredential(tx, tenant, id);
    const pass = yield* readPass(tx, tenant, id);
    return { id, password: passwordMethod(credential), pass: pass && passMethod(pass, now()) };
  }
  const methods = (request: FastifyRequest) => sql.read((tx) => methodsOf(tx, request));
  const of = (id: string, what: string) => `users('${id}')${under}/${what}`;

  const routes = (url: string, handler: (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>) =>
    routePerson(app, 'GET', `${under}${url}`, reads, handler);

  routes('/methods', async (request, reply) => {
    const { id, password, pass } = await methods(request);
    const all = [
      { '@odata.type': '#microsoft.graph.passwordAuthenticationMethod', ...password },
      ...(pass ? [{ '@odata.type': '#microsoft.graph.temporaryAccessPassAuthenticationMethod', ...pass }] : []),
    ];
    return reply.send(collectionOf(deps, of(id, 'methods'), all));
  });
  routes('/methods/:methodId', async (request, reply) => {
    const { id, password, pass } = await methods(request);
    const { methodId } = request.params as { methodId: string };
    const context = { '@odata.context': contextOf(deps, `${of(id, 'methods')}/$entity`) };
    if (methodId === passwordMethodId) {
      return reply.send({ ...context, '@odata.type': '#microsoft.graph.passwordAuthenticationMethod', ...password });
    }
    if (pass?.id !== methodId) throw notFound(methodId.slice(0, 256));
    const type = '#microsoft.graph.temporaryAccessPassAuthenticationMethod';
    return reply.send({ ...context, '@odata.type': type, ...pass });
  });
  routes('/passwordMethods', async (request, reply) => {
    const { id, password } = await methods(request);
    return reply.send(collectionOf(deps, of(id, 'passwordMethods'), [password]));
  });
  routes('/passwordMethods/:methodId', async (request, reply) => {
    const { id, password } = await methods(request);
    const { methodId } = request.params as { methodId: string };
    if (methodId !== passwordMethodId) throw notFound(methodId.slice(0, 256));
    return reply.send({ '@odata.context': contextOf(deps, `${of(id, 'passwordMethods')}/$entity`), ...password });
  });
  routes('/temporaryAccessPassMethods', async (request, reply) => {
    const { id, pass } = await methods(request);
    return reply.send(collectionOf(deps, of(id, 'temporaryAccessPassMethods'), pass ? [pass] : []));
  });
  routes('/temporaryAccessPassMethods/:methodId', async (request, reply) => {
    const { id, pass } = await methods(request);
    const { methodId } = request.params as { methodId: string };
    if (pass?.id !== methodId) throw notFound(methodId.slice(0, 256));
    return reply.send({
      '@odata.context': contextOf(deps, `${of(id, 'temporaryAccessPassMethods')}/$entity`),
      ...pass,
    });
  });

  temporaryAccessPasses(app, deps);
  resets(app, deps);
}

// Temporary Access Pass -----------------------------------------------------------------------------------------

interface WantedPass {
  readonly starts: number;
  readonly minutes: number;
  readonly once: boolean;
}

/** How long before it can be used a pass may be made, in milliseconds. */
const mostAhead = 30 * 86_400_000;

/** @throws GraphError 400 */
function readWanted(body: unknown, now: number): WantedPass {
  const given = body === undefined || body === null ? {} : body;
  if (typeof given !== 'object' || Array.isArray(given)) throw badRequest('The request body is not an object.');
  const { lifetimeInMinutes, isUsableOnce, startDateTime, ...others } = given as Record<string, unknown>;
  const unknown = Object.keys(others).find((name) => !name.startsWith('@'));
  if (unknown !== undefined) throw badRequest(`Property '${unknown.slice(0, 100)}' cannot be set.`);
  const minutes = lifetimeInMinutes ?? 60;
  if (typeof minutes !== 'number' || !Number.isInteger(minutes) || minutes < 10 || minutes > 43_200) {
    throw badRequest('lifetimeInMinutes must be between 10 and 43200.');
  }
  const once = isUsableOnce ?? true;
  if (typeof once !== 'boolean') throw badRequest('isUsableOnce must be true or false.');
  const starts = startDateTime === undefined || startDateTime === null ? now : instantOf(startDateTime);
  if (starts + minutes * 60_000 <= now) throw badRequest('The pass would have expired already.');
  if (starts > now + mostAhead) throw badRequest('startDateTime must be within the next 30 days.');
  return { starts, minutes, once };
}

const dateTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/;

function instantOf(value: unknown): number {
  const at = typeof value === 'string' && dateTime.test(value) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(at)) throw badRequest('startDateTime is not a date and time with a zone.');
  return at;
}

function temporaryAccessPasses(app: FastifyInstance, deps: GraphDeps): void {
  const { sql, now, random, hashing } = deps;
  const path = '/authentication/temporaryAccessPassMethods';

  function* allowed(tx: Tx, request: FastifyRequest): Work<string> {
    const access = callerOf(request);
    const stored = yield* personOf(tx, access.tenant.id, personIn(request));
    yield* authorise(tx, access, 'temporaryAccessPass', stored.id);
    const obstacle = obstacleToPassword(access.tenant, contentOf(stored), { synced: 'may' });
    if (obstacle) throw obstacle;
    return stored.id;
  }

  function* given(tx: Tx, request: FastifyRequest, pass: TemporaryAccessPass & { hash: string }, by: Stamp) {
    const id: string = yield* allowed(tx, request);
    yield* givePass(tx, callerOf(request).tenant.id, id, pass, by);
    return id;
  }

  function* taken(tx: Tx, request: FastifyRequest, by: Stamp): Work<void> {
    const access = callerOf(request);
    const { methodId } = request.params as { methodId: string };
    const { id } = yield* personOf(tx, access.tenant.id, personIn(request));
    yield* authorise(tx, access, 'temporaryAccessPass', id);
    if (!(yield* takePass(tx, access.tenant.id, id, methodId, by))) throw notFound(methodId.slice(0, 256));
  }

  app.post(`/users/:id${path}`, { config: { graph: writes } }, async (request, reply) => {
    const by = stampOf(request, deps);
    const { starts, minutes, once } = readWanted(request.body, now());
    // Before the hash, which costs more than asking.
    await sql.read((tx) => allowed(tx, request));
    const shown = makePass(random);
    const hash = await hashing.turn((argon) => argon.hash(shown));
    const id = uuidv7(by.at, random(10));
    const pass = { id, hash, created: by.at, starts, ends: starts + minutes * 60_000, once };
    const user = await sql.run((tx) => given(tx, request, pass, by));
    const context = contextOf(deps, `users('${user}')${path}/$entity`);
    return reply
      .code(201)
      .header('location', `${deps.publicUrl}${doorPath}/users/${user}${path}/${id}`)
      .send({ '@odata.context': context, ...passMethod(pass, by.at, shown) });
  });
  app.delete(`/users/:id${path}/:methodId`, { config: { graph: writes } }, async (request, reply) => {
    const by = stampOf(request, deps);
    await sql.run((tx) => taken(tx, request, by));
    return reply.code(204).send();
  });
}

// Reset ---------------------------------------------------------------------------------------------------------

/** The password that is asked for; undefined: one is to be made. @throws GraphError 400 */
function readNewPassword(body: unknown): string | undefined {
  if (body === undefined || body === null) return undefined;
  if (typeof body !== 'object' || Array.isArray(body)) throw badRequest('The request body is not an object.');
  const { newPassword, ...others } = body as Record<string, unknown>;
  const unknown = Object.keys(others).find((name) => !name.startsWith('@'));
  if (unknown !== undefined) {
    const name = unknown.slice(0, 100);
    throw badRequest(
      `The parameter '${name}' in the request payload is not a valid parameter for the operation 'resetPassword'.`,
    );
  }
  if (newPassword === undefined || newPassword === null) return undefined;
  if (typeof newPassword !== 'string') throw new Problem('passwordCharacters');
  return newPassword;
}

function resets(app: FastifyInstance, deps: GraphDeps): void {
  const { sql, now, random } = deps;
  const work = passwordWork(app, deps);

  /** Everything that can be refused is refused here, before the 202. */
  function* started(tx: Tx, request: FastifyRequest, given: string | undefined, operation: string, by: Stamp) {
    const access = callerOf(request);
    const { tenant } = access;
    const { methodId } = request.params as { methodId: string };
    const stored: { id: string; text: string; version: number } = yield* personOf(tx, tenant.id, personIn(request));
    if (methodId !== passwordMethodId) throw notFound(methodId.slice(0, 256));
    yield* authorise(tx, access, 'resetPassword', stored.id);
    const content: UserContent = contentOf(stored);
    const obstacle = obstacleToPassword(tenant, content, { synced: 'may' });
    if (obstacle) throw obstacle;
    // Only who knows the password can write it to the directory that this person comes from.
    if (given === undefined && obstacleToPassword(tenant, content, { synced: 'may not' })) throw syncRefusal();
    const person = passwordPerson(tenant, content);
    if (given !== undefined) refuseChosen(access);
    if (given !== undefined) refuseWeak(tenant, person, given);
    yield* beginOperation(tx, tenant.id, operation, stored.id, by.at);
    return { id: stored.id, password: given ?? makePassword(deps, tenant, person) };
  }

  for (const name of ['methods', 'passwordMethods']) {
    const url = `/users/:id/authentication/${name}/:methodId/resetPassword`;
    app.post(url, { config: { graph: delegatedOnly } }, async (request, reply) => {
      const by = stampOf(request, deps);
      const given = readNewPassword(request.body);
      const operation = uuidv7(by.at, random(10));
      const { id, password } = await sql.run((tx) => started(tx, request, given, operation, by));
      work({ access: callerOf(request), operation, userId: id, by, password });
      return reply
        .code(202)
        .header('location', `${deps.publicUrl}${doorPath}/users/${id}/authentication/operations/${operation}`)
        .header('retry-after', '1')
        .send(
          given === undefined
            ? { '@odata.context': contextOf(deps, 'microsoft.graph.passwordResetResponse'), newPassword: password }
            : {},
        );
    });
  }

  function* operationOf(tx: Tx, request: FastifyRequest) {
    const { tenant } = callerOf(request);
    const { operationId } = request.params as { operationId: string };
    const { id } = yield* personOf(tx, tenant.id, personIn(request));
    // Whoever may begin one may see how it ends, too.
    const mayBegin = yield* isAllowed(tx, callerOf(request), 'resetPassword', id);
    if (!mayBegin) yield* authorise(tx, callerOf(request), 'readMethods', id);
    const operation: Operation | undefined = yield* readOperation(tx, tenant.id, id, operationId, now());
    if (!operation) throw notFound(operationId.slice(0, 256));
    return operation;
  }

  app.get('/users/:id/authentication/operations/:operationId', { config: { graph: reads } }, async (request, reply) => {
    const one = await sql.read((tx) => operationOf(tx, request));
    return reply.send({
      '@odata.context': contextOf(deps, `users('${one.userId}')/authentication/operations/$entity`),
      id: one.id,
      status: one.status,
      createdDateTime: time(one.created),
      lastActionDateTime: time(one.lastAction),
      ...(one.status === 'succeeded'
        ? {
            resourceLocation: `${deps.publicUrl}${doorPath}/users/${one.userId}/authentication/methods/${passwordMethodId}`,
          }
        : {}),
      ...(one.detail === undefined ? {} : { statusDetail: one.detail }),
    });
  });
}
