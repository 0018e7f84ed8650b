// The programs that call: who they are, what they may do (at the SCIM door by scope, at the Graph door by permission), and
// by what they prove it (RFC 6749 §2). Rows are revoked, never removed: ids stand in the record for ever, and must stay
// readable as names.

import { timingSafeEqual } from 'node:crypto';
import { Problem } from '#shared/problem.ts';
import { record } from '../audit.ts';
import { Secret } from '../secret.ts';
import type { Sql, Tx, Work } from '../sql/sql.ts';
import { hashOf, isLive, mostLive, type TokenScope } from '../token.ts';
import { dropRoles } from './roles.ts';
import { uuidv7 } from './uuid.ts';

/** Times in milliseconds since the epoch. */
export interface Client {
  readonly tenant: string;
  /** `client_id`, unique over all tenants. */
  readonly id: string;
  readonly name: string;
  /** Of the SCIM door; empty: it does not sync. */
  readonly scopes: readonly string[];
  /** Graph permissions that it has by itself (`roles` in its tokens). */
  readonly appRoles: readonly string[];
  /** Graph permissions that it has for whoever is signed in, consented to for everybody (`scp`). */
  readonly delegated: readonly string[];
  /** Is it an API of its own, for which others ask tokens (`aud` is its id)? */
  readonly api: boolean;
  /** How long its access tokens last. */
  readonly tokenMinutes: number;
  readonly created: number;
  readonly revoked?: number;
}

/** Whose word is taken for a client: who signs, for whom, about whom, and where the keys are (RFC 7523 §3). */
export interface Federation {
  readonly issuer: string;
  readonly audience: string;
  readonly subject: string;
  readonly jwksUri: string;
}

/** By what a client proves who it is. Times in milliseconds since the epoch. */
export interface Credential {
  readonly id: string;
  readonly kind: 'secret' | 'key' | 'federation';
  /** Of a secret. */
  readonly hash?: string;
  /** Of a key: a public JWK (RFC 7517). Of a federation: `Federation`. */
  readonly detail?: object;
  readonly created: number;
  readonly expires?: number;
  /** To the minute. */
  readonly lastUsed?: number;
  readonly revoked?: number;
}

interface ClientRow {
  tenant: string;
  id: string;
  name: string;
  scope: string;
  app_roles: string;
  delegated: string;
  api: number;
  token_minutes: number;
  created: number;
  revoked: number | null;
}

interface CredentialRow {
  client: string;
  id: string;
  kind: Credential['kind'];
  hash: string | null;
  detail: string | null;
  created: number;
  expires: number | null;
  last_used: number | null;
  revoked: number | null;
}

interface By {
  readonly at: number;
  readonly actor: string;
}

function wordsOf(text: string): string[] {
  return text.split(' ').filter((word) => word !== '');
}

function clientOf(row: ClientRow): Client {
  return {
    tenant: row.tenant,
    id: row.id,
    name: row.name,
    scopes: wordsOf(row.scope),
    appRoles: wordsOf(row.app_roles),
    delegated: wordsOf(row.delegated),
    api: row.api === 1,
    tokenMinutes: row.token_minutes,
    created: row.created,
    ...(row.revoked === null ? {} : { revoked: row.revoked }),
  };
}

function credentialOf(row: CredentialRow): Credential {
  return {
    id: row.id,
    kind: row.kind,
    created: row.created,
    ...(row.hash === null ? {} : { hash: row.hash }),
    ...(row.detail === null ? {} : { detail: JSON.parse(row.detail) as object }),
    ...(row.expires === null ? {} : { expires: row.expires }),
    ...(row.last_used === null ? {} : { lastUsed: row.last_used }),
    ...(row.revoked === null ? {} : { revoked: row.revoked }),
  };
}

/** An id of 64 random bits, public. */
export function mintId(random: (bytes: number) => Uint8Array): string {
  return Buffer.from(random(8)).toString('hex');
}

/** The id of a client that stands as an application beside people: a UUID as theirs, for it is an object id too. */
export function mintAppId(now: number, random: (bytes: number) => Uint8Array): string {
  return uuidv7(now, random(10));
}

/** Is this the id of an application, and not of a client that syncs alone? */
export function isAppId(id: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id);
}

/** A client secret of 256 random bits; letters that neither a form nor a Basic header has to escape. */
export function mintSecret(random: (bytes: number) => Uint8Array): { id: string; secret: Secret } {
  return { id: mintId(random), secret: new Secret(`rrs_${Buffer.from(random(32)).toString('base64url')}`) };
}

// Reading -------------------------------------------------------------------------------------------------------

/** By `client_id`, in whichever tenant; revoked ones too. */
export async function clientById(sql: Pick<Sql, 'get'>, id: string): Promise<Client | undefined> {
  const row = await sql.get<ClientRow>`select * from client where id = ${id}`;
  return row && clientOf(row);
}

/** A tenant's clients, oldest first. */
export async function listClients(sql: Pick<Sql, 'all'>, tenant: string): Promise<Client[]> {
  return (await sql.all<ClientRow>`select * from client where tenant = ${tenant} order by created, id`).map(clientOf);
}

/** All credentials of a client but its tokens, dead ones too, oldest first. */
export async function credentialsOf(sql: Pick<Sql, 'all'>, tenant: string, client: string): Promise<Credential[]> {
  const rows = await sql.all<CredentialRow>`select * from client_credential
    where tenant = ${tenant} and client = ${client} order by created, id`;
  return rows.map(credentialOf);
}

/**
 * The name behind the actor of an audit entry (`token:<id>`, `client:<id>`): the record holds ids only, and these rows
 * are never removed. Undefined for other actors.
 */
export async function callerName(sql: Pick<Sql, 'get'>, tenant: string, actor: string): Promise<string | undefined> {
  const [kind, id = ''] = actor.split(':');
  const row =
    kind === 'token'
      ? await sql.get<{ name: string }>`select name from token where tenant = ${tenant} and id = ${id}`
      : kind === 'client'
        ? await sql.get<{ name: string }>`select name from client where tenant = ${tenant} and id = ${id}`
        : undefined;
  return row?.name;
}

/** The live secret of a client that this is; undefined when it is none. */
export function secretOf(credentials: readonly Credential[], secret: string, now: number): Credential | undefined {
  const hash = Buffer.from(hashOf(secret));
  const live = credentials.filter((one) => one.kind === 'secret' && isLive(one, now));
  return live.find((one) => timingSafeEqual(Buffer.from(one.hash ?? ''), hash));
}

// Writing -------------------------------------------------------------------------------------------------------

/** What a client may at the Graph door; see `Client`. */
export type GraphRights = Pick<Client, 'appRoles' | 'delegated' | 'api'>;

export function* createClient(
  tx: Tx,
  client: {
    tenant: string;
    id: string;
    name: string;
    scopes: readonly TokenScope[];
    tokenMinutes: number;
    graph?: GraphRights;
  },
  by: By,
): Work<void> {
  const { tenant, id, name, tokenMinutes } = client;
  const scope = client.scopes.join(' ');
  yield* tx.run`insert into client (tenant, id, name, scope, token_minutes, created, revoked)
    values (${tenant}, ${id}, ${name}, ${scope}, ${tokenMinutes}, ${by.at}, ${null})`;
  yield* record(tx, { tenant, ...by, action: 'client.created', target: `client:${id}`, detail: { scope } });
  if (client.graph) yield* setGraphRights(tx, tenant, id, client.graph, by);
}

/** Says anew what a client may at the Graph door; from its next token on. @throws Problem notFound */
export function* setGraphRights(tx: Tx, tenant: string, id: string, rights: GraphRights, by: By): Work<void> {
  yield* liveClient(tx, tenant, id);
  const roles = rights.appRoles.join(' ');
  const delegated = rights.delegated.join(' ');
  yield* tx.run`update client set app_roles = ${roles}, delegated = ${delegated}, api = ${rights.api ? 1 : 0}
    where tenant = ${tenant} and id = ${id}`;
  const detail = { roles, delegated, api: rights.api };
  yield* record(tx, { tenant, ...by, action: 'client.permitted', target: `client:${id}`, detail });
}

function* liveClient(tx: Tx, tenant: string, id: string): Work<void> {
  const row: ClientRow | undefined = yield* tx.get<ClientRow>`select * from client
    where tenant = ${tenant} and id = ${id}`;
  if (!row || row.revoked !== null) throw new Problem('notFound');
}

function* addCredential(tx: Tx, tenant: string, client: string, one: Omit<Credential, 'created'>, by: By): Work<void> {
  yield* liveClient(tx, tenant, client);
  const detail = one.detail === undefined ? null : JSON.stringify(one.detail);
  yield* tx.run`insert into client_credential
      (tenant, client, id, kind, hash, detail, created, expires, last_used, revoked)
    values (${tenant}, ${client}, ${one.id}, ${one.kind}, ${one.hash ?? null}, ${detail}, ${by.at},
      ${one.expires ?? null}, ${null}, ${null})`;
  const action = `client.${one.kind}.added`;
  yield* record(tx, { tenant, ...by, action, target: `client:${client}`, detail: { credential: one.id } });
}

/**
 * Adds a secret; others that are live end `overlap` milliseconds from now at the latest.
 * @throws Problem notFound, stateConflict when two are live already
 */
export function* addSecret(
  tx: Tx,
  tenant: string,
  client: string,
  minted: { id: string; secret: Secret },
  times: { expires?: number; overlap: number },
  by: By,
): Work<void> {
  const rows: CredentialRow[] = yield* tx.all<CredentialRow>`select * from client_credential
    where tenant = ${tenant} and client = ${client} and kind = 'secret'`;
  const live = rows.map(credentialOf).filter((one) => isLive(one, by.at));
  if (live.length >= mostLive) throw new Problem('stateConflict');
  const ends = by.at + times.overlap;
  for (const { id, expires } of live) {
    if (expires !== undefined && expires <= ends) continue;
    yield* tx.run`update client_credential set expires = ${ends}
      where tenant = ${tenant} and client = ${client} and id = ${id}`;
  }
  const kept = { id: minted.id, kind: 'secret', hash: hashOf(minted.secret.reveal()) } as const;
  const expires = times.expires === undefined ? {} : { expires: times.expires };
  yield* addCredential(tx, tenant, client, { ...kept, ...expires }, by);
}

/** Adds a public JWK for private_key_jwt (RFC 7523 §2.2). @throws Problem notFound */
export function* addKey(tx: Tx, tenant: string, client: string, id: string, jwk: object, by: By): Work<void> {
  yield* addCredential(tx, tenant, client, { id, kind: 'key', detail: jwk }, by);
}

/** Takes another issuer's word for a client. @throws Problem notFound */
export function* addFederation(
  tx: Tx,
  tenant: string,
  client: string,
  id: string,
  federation: Federation,
  by: By,
): Work<void> {
  yield* addCredential(tx, tenant, client, { id, kind: 'federation', detail: federation }, by);
}

/** Ends one credential at once. False: it was revoked before. @throws Problem notFound */
export function* revokeCredential(tx: Tx, tenant: string, client: string, id: string, by: By): Work<boolean> {
  const row: CredentialRow | undefined = yield* tx.get<CredentialRow>`select * from client_credential
    where tenant = ${tenant} and client = ${client} and id = ${id}`;
  if (!row) throw new Problem('notFound');
  if (row.revoked !== null) return false;
  yield* tx.run`update client_credential set revoked = ${by.at}
    where tenant = ${tenant} and client = ${client} and id = ${id}`;
  // Whoever holds the credential may have fetched a token with it, and nobody knows which.
  yield* tx.run`delete from token where tenant = ${tenant} and client = ${client} and kind = 'access'`;
  yield* endGrants(tx, tenant, client);
  const action = `client.${row.kind}.revoked`;
  yield* record(tx, { tenant, ...by, action, target: `client:${client}`, detail: { credential: id } });
  return true;
}

/**
 * Ends a client with its secrets, keys, tokens, events and roles at once. False: it was revoked before.
 * @throws Problem notFound
 */
export function* revokeClient(tx: Tx, tenant: string, id: string, by: By): Work<boolean> {
  const row: ClientRow | undefined = yield* tx.get<ClientRow>`select * from client
    where tenant = ${tenant} and id = ${id}`;
  if (!row) throw new Problem('notFound');
  if (row.revoked !== null) return false;
  yield* tx.run`update client set revoked = ${by.at} where tenant = ${tenant} and id = ${id}`;
  yield* tx.run`update client_credential set revoked = ${by.at}
    where tenant = ${tenant} and client = ${id} and revoked is null`;
  yield* tx.run`delete from token where tenant = ${tenant} and client = ${id} and kind = 'access'`;
  yield* tx.run`update token set revoked = ${by.at} where tenant = ${tenant} and client = ${id} and revoked is null`;
  yield* endGrants(tx, tenant, id);
  yield* tx.run`delete from event_stream where tenant = ${tenant} and client = ${id}`;
  yield* tx.run`delete from event where tenant = ${tenant} and client = ${id}`;
  if (tx.writers === 'many') yield* tx.run`delete from event_waiting where tenant = ${tenant} and client = ${id}`;
  yield* dropRoles(tx, tenant, id);
  yield* record(tx, { tenant, ...by, action: 'client.revoked', target: `client:${id}` });
  return true;
}

/** The kind of the sign-in's rows by which a client acts for a person later (refresh tokens); their grant is the client. */
export const onBehalf = 'OnBehalf';

/** Ends what people's tokens have given to a client: it has to be handed a new one. */
function* endGrants(tx: Tx, tenant: string, client: string): Work<void> {
  yield* tx.run`delete from oidc_model
    where tenant = ${tenant} and kind = ${onBehalf} and grant_id = ${hashOf(client)}`;
}

/** When a credential was last good for something, to the minute. */
export function* touchCredential(tx: Tx, tenant: string, client: string, one: Credential, at: number): Work<void> {
  if (one.lastUsed !== undefined && at - one.lastUsed < 60_000) return;
  yield* tx.run`update client_credential set last_used = ${at}
    where tenant = ${tenant} and client = ${client} and id = ${one.id}`;
}

/**
 * Remembers a signed assertion until it expires. False: it was used before (RFC 7523 §3, 7).
 * @param jti of any length and letters; `expires` in milliseconds since the epoch
 */
export function* spendAssertion(
  tx: Tx,
  client: { tenant: string; id: string },
  jti: string,
  expires: number,
  now: number,
): Work<boolean> {
  const id = hashOf(jti);
  // This one alone, if it has had its time: the others are swept apart (sweeper.ts).
  yield* tx.run`delete from client_assertion
    where tenant = ${client.tenant} and client = ${client.id} and jti = ${id} and expires <= ${now}`;
  const added = yield* tx.run`insert into client_assertion (tenant, client, jti, expires)
    values (${client.tenant}, ${client.id}, ${id}, ${expires}) on conflict do nothing`;
  return added === 1;
}
