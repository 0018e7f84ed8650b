// POST /users, PATCH /users/{id | userPrincipalName} and /me, DELETE /users/{id}. Which permission and which right each
// property takes stands in one table; the dictionary between Graph's properties and what is stored is user.ts.

import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Access } from '../http/auth.ts';
import type { Action } from '../policy/roles.ts';
import type { Tx, Work } from '../sql/sql.ts';
import type { Stamp } from '../store/resource.ts';
import type { UserContent } from '../store/user-resource.ts';
import { contentOf, createUser, deleteUser, type StoredUser, updateUser } from '../store/users.ts';
import { uuidv7 } from '../store/uuid.ts';
import { callerOf, type Permissions } from './access.ts';
import { authorise, hasPermission } from './authority.ts';
import { contextOf, doorPath, type GraphDeps, stampOf } from './deps.ts';
import { badRequest, denied, gatewayError } from './error.ts';
import { refuseForeignDomain, refuseTakenAddress } from './own-address.ts';
import {
  assignPassword,
  type PreparedPassword,
  passwordPerson,
  preparePassword,
  refuseChosen,
  refuseWeak,
} from './password.ts';
import { isSynced, obstacleToPassword, syncRefusal } from './password-obstacle.ts';
import { personIn, personOf, routePerson } from './person.ts';
import { graphUserOf, invalidValue, personOf as opened, type PropertyName, propertyNamed, toScim } from './user.ts';

// Who may set what ----------------------------------------------------------------------------------------------

interface Right {
  /** Any one of these, beside the role matrix. */
  readonly permissions: readonly string[];
  readonly action: Action;
}

const general = ['User.ReadWrite.All', 'Directory.ReadWrite.All'] as const;
const ordinary: Right = { permissions: general, action: 'updateUser' };

/** What is not ordinary. User.ReadWrite.All does not cover the password. */
const rights: Readonly<Partial<Record<PropertyName, Right>>> = {
  passwordProfile: { permissions: ['User-PasswordProfile.ReadWrite.All'], action: 'resetPassword' },
  accountEnabled: { permissions: ['User.EnableDisableAccount.All', ...general], action: 'updateSensitive' },
  userPrincipalName: { permissions: general, action: 'updateSensitive' },
  onPremisesImmutableId: { permissions: general, action: 'updateSensitive' },
  // Mail goes out in its name; and a guest has no password here.
  mail: { permissions: general, action: 'updateSensitive' },
  userType: { permissions: general, action: 'updateSensitive' },
  otherMails: { permissions: ['User-Mail.ReadWrite.All', ...general], action: 'updateRecovery' },
  businessPhones: { permissions: ['User-Phone.ReadWrite.All', ...general], action: 'updateRecovery' },
  mobilePhone: { permissions: ['User-Phone.ReadWrite.All', ...general], action: 'updateRecovery' },
};

/** What everybody may change of themselves, with User.ReadWrite. */
const own: readonly PropertyName[] = ['businessPhones', 'mobilePhone', 'preferredLanguage'];
/** What is the cloud's also of people who come from an on-premises directory. */
const cloudManaged: readonly PropertyName[] = ['otherMails', 'usageLocation', 'passwordPolicies'];

const anyOf = [...new Set([...general, ...Object.values(rights).flatMap(({ permissions }) => permissions)])];
const updates: Permissions = { delegated: anyOf, application: anyOf };
const writes: Permissions = { delegated: general, application: general };

// What a body says ----------------------------------------------------------------------------------------------

interface Body {
  readonly raw: Readonly<Record<string, unknown>>;
  /** Of those that are known; the others `toScim` refuses. */
  readonly names: readonly PropertyName[];
  readonly password?: WantedPassword;
}

interface WantedPassword {
  readonly password: string;
  readonly forceChange: boolean;
}

/** @throws GraphError 400 */
function readBody(body: unknown): Body {
  if (body === undefined) throw gatewayError('Empty Payload. JSON content expected.');
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw badRequest('A JSON object is required as the body of the request.');
  }
  const raw = body as Record<string, unknown>;
  const given = Object.keys(raw).filter((name) => !name.includes('@'));
  if (given.length === 0) throw gatewayError('Empty Payload. JSON content expected.');
  const profile = Object.entries(raw).find(([name]) => propertyNamed(name) === 'passwordProfile');
  return {
    raw,
    names: given.flatMap((name) => propertyNamed(name) ?? []),
    ...(profile === undefined ? {} : { password: readProfile(profile[1]) }),
  };
}

/**
 * With the password always. The service has answered 204 to a profile without one, and done nothing.
 * @throws GraphError 400
 */
function readProfile(value: unknown): WantedPassword {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalidValue('passwordProfile');
  const { password, ...flags } = value as Record<string, unknown>;
  const { forceChangePasswordNextSignIn, forceChangePasswordNextSignInWithMfa, ...others } = flags;
  if (Object.keys(others).some((name) => !name.includes('@'))) throw invalidValue('passwordProfile');
  const isFlag = (flag: unknown) => flag === undefined || flag === null || typeof flag === 'boolean';
  if (!isFlag(forceChangePasswordNextSignIn) || !isFlag(forceChangePasswordNextSignInWithMfa)) {
    throw invalidValue('passwordProfile');
  }
  if (password === undefined || password === null) {
    throw badRequest("A value is required for property 'password' of resource 'PasswordProfile'.");
  }
  if (typeof password !== 'string') throw invalidValue('passwordProfile');
  const forceChange = (forceChangePasswordNextSignIn ?? true) || forceChangePasswordNextSignInWithMfa === true;
  return { password, forceChange: forceChange === true };
}

// Routes --------------------------------------------------------------------------------------------------------

export function userWriteRoutes(app: FastifyInstance, deps: GraphDeps): void {
  const { sql, random } = deps;

  // Units of work are named and not written where they are run: see the endpoints of the SCIM door.
  function* created(tx: Tx, access: Access, id: string, content: UserContent, password: PreparedPassword, by: Stamp) {
    yield* authorise(tx, access, 'createUser');
    yield* refuseTakenAddress(tx, access.tenant.id, id, content);
    const stored = yield* createUser(tx, access.tenant.id, id, content, by);
    yield* assignPassword(tx, access.tenant.id, id, password, access.oid, by);
    return stored;
  }

  app.post('/users', { config: { graph: writes } }, async (request, reply) => {
    const access = callerOf(request);
    const { tenant } = access;
    const by = stampOf(request, deps);
    const { raw, password } = readBody(request.body);
    if (!password) throw badRequest('A password must be specified to create a new user.');
    const content = toScim(raw);
    refuseForeignDomain(tenant, content);
    const obstacle = obstacleToPassword(tenant, content, { synced: 'may not' });
    if (obstacle) throw obstacle;
    await sql.read((tx) => authorise(tx, access, 'createUser'));
    const prepared = await preparePassword(deps, tenant, passwordPerson(tenant, content), password);
    const id = uuidv7(by.at, random(10));
    const stored = await sql.run((tx) => created(tx, access, id, content, prepared, by));
    return reply
      .code(201)
      .header('location', `${deps.publicUrl}${doorPath}/users/${id}`)
      .send({ '@odata.context': contextOf(deps, 'users/$entity'), ...graphUserOf(opened(stored)) });
  });

  /** Whether all of this may be done; asked before the hash, and again with the write. */
  function* admitted(tx: Tx, request: FastifyRequest, { names, password, raw }: Body): Work<StoredUser> {
    const access = callerOf(request);
    const { tenant } = access;
    const stored = yield* personOf(tx, tenant.id, personIn(request));
    const self = !access.appOnly && stored.id === access.oid;
    const actions = new Set<Action>();
    for (const name of names) {
      const { permissions, action } = rights[name] ?? ordinary;
      if (self && own.includes(name) && hasPermission(access, ['User.ReadWrite'])) continue;
      if (!hasPermission(access, permissions)) throw denied();
      if (!(self && own.includes(name))) actions.add(action);
    }
    // A body without a known property still is a request to change a person.
    if (names.length === 0) actions.add('updateUser');
    for (const action of actions) yield* authorise(tx, access, action, stored.id);
    const before = contentOf(stored);
    const isLocal = (name: PropertyName) => !cloudManaged.includes(name);
    if (isSynced(before) && names.some(isLocal)) throw syncRefusal();
    const content = toScim(raw, before);
    refuseForeignDomain(tenant, content, before);
    yield* refuseTakenAddress(tx, tenant.id, stored.id, content, before);
    if (password) {
      const obstacle = obstacleToPassword(tenant, content, { synced: 'may not' });
      if (obstacle) throw obstacle;
      refuseChosen(access);
      refuseWeak(tenant, passwordPerson(tenant, content), password.password);
    }
    return stored;
  }

  function* updated(tx: Tx, request: FastifyRequest, body: Body, by: Stamp, hash: string | undefined): Work<void> {
    const { id } = yield* admitted(tx, request, body);
    const { tenant, oid } = callerOf(request);
    yield* updateUser(tx, tenant.id, id, (content) => toScim(body.raw, content), by);
    if (!body.password || hash === undefined) return;
    const { forceChange } = body.password;
    yield* assignPassword(tx, tenant.id, id, { hash, forceChange }, oid, by);
  }

  routePerson(
    app,
    'PATCH',
    '',
    updates,
    async (request, reply) => {
      const by = stampOf(request, deps);
      const body = readBody(request.body);
      const { password } = body;
      if (password) await sql.read((tx) => admitted(tx, request, body));
      const hash = password && (await deps.hashing.turn((argon) => argon.hash(password.password)));
      await sql.run((tx) => updated(tx, request, body, by, hash));
      return reply.code(204).send();
    },
    { ...updates, delegated: ['User.ReadWrite', ...updates.delegated] },
  );

  function* removed(tx: Tx, request: FastifyRequest, by: Stamp): Work<void> {
    const access = callerOf(request);
    const { id } = yield* personOf(tx, access.tenant.id, personIn(request));
    yield* authorise(tx, access, 'deleteUser', id);
    yield* deleteUser(tx, access.tenant.id, id, by);
  }

  app.delete('/users/:id', { config: { graph: writes } }, async (request, reply) => {
    const by = stampOf(request, deps);
    await sql.run((tx) => removed(tx, request, by));
    return reply.code(204).send();
  });
}
