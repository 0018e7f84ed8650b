// `client create | permit | role | list | rotate | revoke | key add | federation add | events`: programs that fetch access tokens,
// for the SCIM door or for the Graph door, and who is told of changes. A secret is shown once, alone on the last line.

import { readFileSync } from 'node:fs';
import { Problem } from '#shared/problem.ts';
import { isJwksUri } from '../oauth/jwks.ts';
import { PublicKeyError, readPublicKeys } from '../oauth/public-key.ts';
import { roleName } from '../policy/roles.ts';
import {
  addFederation,
  addKey,
  addSecret,
  type Credential,
  clientById,
  createClient,
  credentialsOf,
  type Federation,
  listClients,
  mintAppId,
  mintId,
  mintSecret,
  revokeClient,
  revokeCredential,
} from '../store/clients.ts';
import { type FeedResource, feedResources, listStreams, setFeed } from '../store/events.ts';
import { rolesOf } from '../store/roles.ts';
import { covers, listTokens } from '../token.ts';
import { clientOf, mayWhat, permissionsOf, permit, role } from './client-rights.ts';
import {
  type CommandDeps,
  CommandError,
  CommandLineError,
  day,
  durationOf,
  type Out,
  only,
  operator,
  optionsOf,
  refuseInEntra,
  required,
  running,
  scopesOf,
  stateOf,
  table,
  tenantOf,
  untilOf,
  usedOf,
} from './command-line.ts';

const manual = `Usage: node connector/main.ts client create --name NAME [--scope SCOPE] [--graph PERMISSIONS] [--delegated PERMISSIONS]
                     [--api] [--token-minutes 60] [--no-secret] [--expires 365d|12h|never] [--tenant ID]
       node connector/main.ts client permit ID [--graph PERMISSIONS] [--delegated PERMISSIONS] [--api yes|no] [--tenant ID]
       node connector/main.ts client role add|remove ID --role ROLE [--tenant ID]
       node connector/main.ts client list [--tenant ID]
       node connector/main.ts client rotate ID [--overlap 7d] [--expires 365d|12h|never] [--tenant ID]
       node connector/main.ts client revoke ID [--credential ID] [--tenant ID]
       node connector/main.ts client key add ID --file FILE [--tenant ID]
       node connector/main.ts client federation add ID --issuer URL --audience TEXT --subject TEXT --jwks-url URL
                     [--tenant ID]
       node connector/main.ts client events on|off ID [--resources User,Group] [--announce] [--tenant ID]

A client with a scope fetches access tokens for /scim/v2 at /scim/oauth/token (OAuth 2.0 client credentials); they last
--token-minutes, 60 to 360. One with Graph permissions fetches them for /v1.0 at /signin/TENANT/token: --graph is what it may
by itself, --delegated what it may for a person who is signed in to it (on-behalf-of; this consents for everybody). --api:
other programs ask for tokens for it (api://ID/Passwords.Reset). permit says anew what of these holds; what is left out stays.
A password can be set by --graph User-PasswordProfile.ReadWrite.All only with a role besides, "User Administrator" at least.
create and rotate print a secret alone on the last line of standard output. It is shown this once; only its hash is kept,
and it lasts --expires. rotate makes a second one; the first goes on working until --overlap is over.
key add takes the public key (PEM, JWK or JWK Set) with which the client signs (private_key_jwt). federation add takes the
word of another issuer, such as Entra, for a client (workload identity federation).
revoke ends a client with all that it has at once, or one credential of it.
events on tells a client of every change (POST /scim/events/poll); --announce tells it of what is there already.
Scopes: scim.read, scim.write, scim.password; scim is scim.read and scim.write. Permissions: Microsoft Graph's names, with
commas; '' is none.`;

/** Exit code: 0 done, 1 not possible, 2 not understood. Without `deps`: the manual. */
export async function clientCommand(argv: readonly string[], deps: CommandDeps | undefined, out: Out): Promise<number> {
  if (!deps) {
    out.print(manual);
    return 0;
  }
  const [verb, ...rest] = argv;
  const sub = `${verb} ${rest[0]}`;
  return running(out, manual, async () => {
    if (verb === 'create') return create(rest, deps, out);
    if (verb === 'permit') return permit(rest, deps, out);
    if (verb === 'role') return role(rest, deps, out);
    if (verb === 'list') return list(rest, deps, out);
    if (verb === 'rotate') return rotate(rest, deps, out);
    if (verb === 'revoke') return revoke(rest, deps, out);
    if (sub === 'key add') return keyAdd(rest.slice(1), deps, out);
    if (sub === 'federation add') return federationAdd(rest.slice(1), deps, out);
    if (sub === 'events on' || sub === 'events off') return events(rest.slice(1), sub === 'events on', deps, out);
    throw new CommandLineError(
      verb === undefined
        ? 'client: create, permit, role, list, rotate, revoke, key, federation or events?'
        : `There is no “client ${argv.join(' ')}”.`,
    );
  });
}

async function create(argv: readonly string[], deps: CommandDeps, out: Out): Promise<void> {
  const { values, positionals } = optionsOf(argv, {
    name: { type: 'string' },
    scope: { type: 'string' },
    graph: { type: 'string' },
    delegated: { type: 'string' },
    api: { type: 'boolean' },
    'token-minutes': { type: 'string' },
    'no-secret': { type: 'boolean' },
    expires: { type: 'string' },
    tenant: { type: 'string' },
  });
  only(positionals, 0);
  const name = required(values.name, 'name').trim();
  const isApp = values.graph !== undefined || values.delegated !== undefined || values.api === true;
  // A program of the Graph door alone needs no scope; any other has one.
  const scopes = isApp && values.scope === undefined ? [] : scopesOf(required(values.scope, 'scope'));
  const graph = {
    appRoles: permissionsOf(values.graph ?? '', 'application'),
    delegated: permissionsOf(values.delegated ?? '', 'delegated'),
    api: values.api === true,
  };
  const tokenMinutes = Number(values['token-minutes'] ?? '60');
  if (!Number.isInteger(tokenMinutes) || tokenMinutes < 60 || tokenMinutes > 360) {
    throw new CommandLineError('--token-minutes is a whole number from 60 to 360.');
  }
  const lifetime = durationOf(values.expires ?? '365d', 'expires', 'or never');
  const tenant = await tenantOf(deps, values.tenant);
  if (isApp) refuseInEntra(tenant, 'Apps and their permissions');
  const at = deps.now();
  const by = { at, actor: operator };
  // As an application it is an object of the directory, as people are.
  const id = isApp ? mintAppId(at, deps.random) : mintId(deps.random);
  const minted = values['no-secret'] === true ? undefined : mintSecret(deps.random);
  const expires = lifetime === undefined ? {} : { expires: at + lifetime };
  await deps.sql.run(function* (tx) {
    yield* createClient(tx, { tenant: tenant.id, id, name, scopes, tokenMinutes, ...(isApp ? { graph } : {}) }, by);
    if (minted) yield* addSecret(tx, tenant.id, id, minted, { ...expires, overlap: 0 }, by);
  });
  const what = mayWhat({ scopes, ...graph });
  out.print(`Client “${name}” of ${tenant.name} (${tenant.id}) for ${what}. Client id:`);
  out.print(id);
  if (!minted) return;
  out.print(`Client secret ${minted.id}, ${untilOf(expires.expires)}. Keep it now, it is not shown again:`);
  out.print(minted.secret.reveal());
}

async function list(argv: readonly string[], deps: CommandDeps, out: Out): Promise<void> {
  const { values } = optionsOf(argv, { tenant: { type: 'string' } });
  const tenant = await tenantOf(deps, values.tenant);
  const now = deps.now();
  const clients = await listClients(deps.sql, tenant.id);
  if (clients.length === 0) out.say(`${tenant.name} has no clients.`);
  const tokens = await listTokens(deps.sql, tenant.id);
  const streams = await listStreams(deps.sql, tenant.id);
  const rows: string[][] = [];
  for (const client of clients) {
    const { id, name, created, tokenMinutes } = client;
    rows.push([id, name, mayWhat(client), day(created), stateOf(client, now), `tokens of ${tokenMinutes} minutes`]);
    const held = (await rolesOf(deps.sql, tenant.id, id)).map(roleName).join(', ');
    if (held !== '') rows.push(['  roles', held]);
    for (const one of await credentialsOf(deps.sql, tenant.id, id)) {
      rows.push([`  ${one.id}`, one.kind, describe(one), day(one.created), stateOf(one, now), usedOf(one.lastUsed)]);
    }
    for (const one of tokens.filter((token) => token.client === id)) {
      rows.push([`  ${one.id}`, 'token', '', day(one.created), stateOf(one, now), usedOf(one.lastUsed)]);
    }
    const stream = streams.find((one) => one.client === id);
    if (stream) rows.push(['  events', stream.resources.join(','), '', '', '', `${stream.waiting} waiting`]);
  }
  for (const line of table(rows)) out.print(line);
}

function describe({ kind, detail }: Credential): string {
  if (kind === 'federation') {
    const { issuer, subject } = detail as Federation;
    return `${issuer} ${subject}`;
  }
  return kind === 'key' ? String((detail as { kid?: string }).kid ?? '') : '';
}

async function rotate(argv: readonly string[], deps: CommandDeps, out: Out): Promise<void> {
  const { values, positionals } = optionsOf(argv, {
    id: { type: 'string' },
    overlap: { type: 'string' },
    expires: { type: 'string' },
    tenant: { type: 'string' },
  });
  only(positionals, 1);
  const id = required(values.id ?? positionals[0], 'id');
  const overlap = durationOf(values.overlap ?? '7d', 'overlap') ?? 0;
  const lifetime = durationOf(values.expires ?? '365d', 'expires', 'or never');
  const tenant = await tenantOf(deps, values.tenant);
  const client = await clientOf(deps, tenant, id);
  const at = deps.now();
  const minted = mintSecret(deps.random);
  const times = { overlap, ...(lifetime === undefined ? {} : { expires: at + lifetime }) };
  await deps.sql
    .run((tx) => addSecret(tx, tenant.id, id, minted, times, { at, actor: operator }))
    .catch((error: unknown) => {
      if (!(error instanceof Problem) || error.code !== 'stateConflict') throw error;
      throw new CommandError(`“${client.name}” has two live secrets already. Revoke one of them first.`);
    });
  out.print(`Secret ${minted.id} of client ${id} “${client.name}”, ${untilOf(times.expires)}.`);
  out.print(`An older secret ends on ${day(at + overlap)} at the latest.`);
  out.print('Keep the new one now, it is not shown again:');
  out.print(minted.secret.reveal());
}

async function revoke(argv: readonly string[], deps: CommandDeps, out: Out): Promise<void> {
  const { values, positionals } = optionsOf(argv, {
    id: { type: 'string' },
    credential: { type: 'string' },
    tenant: { type: 'string' },
  });
  only(positionals, 1);
  const id = required(values.id ?? positionals[0], 'id');
  const tenant = await tenantOf(deps, values.tenant);
  const found = await clientById(deps.sql, id);
  if (found?.tenant !== tenant.id) throw new CommandError(`${tenant.name} has no client ${id}.`);
  const by = { at: deps.now(), actor: operator };
  const { credential } = values;
  if (credential === undefined) {
    const now = await deps.sql.run((tx) => revokeClient(tx, tenant.id, id, by));
    out.print(now ? `Client ${id} is revoked, with all its secrets and tokens.` : `Client ${id} was revoked before.`);
    return;
  }
  if (!(await credentialsOf(deps.sql, tenant.id, id)).some((one) => one.id === credential)) {
    throw new CommandError(`Client ${id} has no credential ${credential}.`);
  }
  const now = await deps.sql.run((tx) => revokeCredential(tx, tenant.id, id, credential, by));
  out.print(now ? `Credential ${credential} is revoked.` : `Credential ${credential} was revoked before.`);
}

async function keyAdd(argv: readonly string[], deps: CommandDeps, out: Out): Promise<void> {
  const { values, positionals } = optionsOf(argv, {
    id: { type: 'string' },
    file: { type: 'string' },
    tenant: { type: 'string' },
  });
  only(positionals, 1);
  const id = required(values.id ?? positionals[0], 'id');
  const keys = keysIn(required(values.file, 'file'));
  const tenant = await tenantOf(deps, values.tenant);
  const client = await clientOf(deps, tenant, id);
  const by = { at: deps.now(), actor: operator };
  const made = keys.map((jwk) => ({ id: mintId(deps.random), jwk }));
  await deps.sql.run(function* (tx) {
    for (const one of made) yield* addKey(tx, tenant.id, id, one.id, one.jwk, by);
  });
  for (const one of made) {
    out.print(`Key ${one.id} of client ${id} “${client.name}”: ${one.jwk.kid ?? one.jwk.crv ?? one.jwk.kty}.`);
  }
}

function keysIn(file: string) {
  try {
    return readPublicKeys(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error instanceof PublicKeyError) throw new CommandError(error.message);
    throw new CommandError(`The key file cannot be read: ${(error as Error).message}`);
  }
}

async function federationAdd(argv: readonly string[], deps: CommandDeps, out: Out): Promise<void> {
  const { values, positionals } = optionsOf(argv, {
    id: { type: 'string' },
    issuer: { type: 'string' },
    audience: { type: 'string' },
    subject: { type: 'string' },
    'jwks-url': { type: 'string' },
    tenant: { type: 'string' },
  });
  only(positionals, 1);
  const id = required(values.id ?? positionals[0], 'id');
  const federation = {
    issuer: required(values.issuer, 'issuer'),
    audience: required(values.audience, 'audience'),
    subject: required(values.subject, 'subject'),
    jwksUri: required(values['jwks-url'], 'jwks-url'),
  };
  if (!isJwksUri(federation.jwksUri))
    throw new CommandLineError('--jwks-url must be https, without a name and password in it.');
  const tenant = await tenantOf(deps, values.tenant);
  const client = await clientOf(deps, tenant, id);
  const credential = mintId(deps.random);
  const by = { at: deps.now(), actor: operator };
  await deps.sql.run((tx) => addFederation(tx, tenant.id, id, credential, federation, by));
  out.print(
    `Client ${id} “${client.name}” is ${federation.subject} of ${federation.issuer}. Credential ${credential}.`,
  );
}

async function events(argv: readonly string[], on: boolean, deps: CommandDeps, out: Out): Promise<void> {
  const { values, positionals } = optionsOf(argv, {
    id: { type: 'string' },
    resources: { type: 'string' },
    announce: { type: 'boolean' },
    tenant: { type: 'string' },
  });
  only(positionals, 1);
  const id = required(values.id ?? positionals[0], 'id');
  const wanted = (values.resources ?? feedResources.join(',')).split(',').map((one) => one.trim());
  const unknown = wanted.find((one) => !(feedResources as readonly string[]).includes(one));
  if (unknown !== undefined) {
    throw new CommandLineError(`There is no resource type “${unknown}”; there are: ${feedResources.join(', ')}.`);
  }
  const tenant = await tenantOf(deps, values.tenant);
  const client = await clientOf(deps, tenant, id);
  if (on && !covers(client.scopes, 'scim.read')) {
    throw new CommandError(`Client ${id} may not read (scope scim.read), so that it is not told of changes.`);
  }
  const resources = on ? (wanted as FeedResource[]) : [];
  const feed = { resources, announce: values.announce === true };
  await deps.sql.run((tx) => setFeed(tx, tenant.id, id, feed, { at: deps.now(), actor: operator }));
  const told = on ? `is told of changes of ${resources.join(' and ')}` : 'is no longer told of changes';
  out.print(`Client ${id} “${client.name}” ${told}.`);
}
