// What the parts of the Graph door are given, and the few words that they share.

import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { JWTVerifyGetKey } from 'jose';
import type { Directory } from '../directory/directory.ts';
import type { Logger } from '../log.ts';
import type { Mail } from '../mail/mail.ts';
import type { Rate } from '../scim/limits.ts';
import type { Keyring } from '../secret.ts';
import type { Sql } from '../sql/sql.ts';
import type { Hashing } from '../store/credentials.ts';
import type { Stamp } from '../store/resource.ts';
import type { Tenant, Tenants } from '../tenant.ts';
import { callerOf } from './access.ts';

export interface GraphDeps {
  readonly sql: Sql;
  readonly tenants: Tenants;
  /** The keys that access tokens of a tenant are signed with. */
  readonly keysOf: (tenant: Tenant) => JWTVerifyGetKey;
  /** The embedded directory of a tenant: what decides about people is asked there, now. */
  readonly directory: (tenant: Tenant) => Directory;
  readonly hashing: Hashing;
  readonly keyring: Keyring;
  readonly mailOf: (tenant: Tenant) => Mail;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
  readonly log: Logger;
  /** The connector's origin: the audience of the tokens, and what absolute addresses begin with. */
  readonly publicUrl: string;
  /** How fast a client may ask; without one there is no limit. */
  readonly rate?: Rate;
}

/** A part of the door: adds its routes. Paths are relative to `/v1.0`. */
export type GraphRoutes = (app: FastifyInstance, deps: GraphDeps) => void;

/** The address under which the door stands. */
export const doorPath = '/v1.0';

/** `@odata.context` of an answer (OData 4.01 §4.6, context URL): `of('users/$entity')`. */
export function contextOf({ publicUrl }: Pick<GraphDeps, 'publicUrl'>, of: string): string {
  return `${publicUrl}${doorPath}/$metadata#${of}`;
}

/** A collection as it is sent. */
export function collectionOf<T>(deps: Pick<GraphDeps, 'publicUrl'>, of: string, value: readonly T[], more?: object) {
  return { '@odata.context': contextOf(deps, of), ...more, value };
}

/** Who writes, for the record: the person with the program that they use, or the app where there is no person. */
export function stampOf(request: FastifyRequest, { now }: Pick<GraphDeps, 'now'>): Stamp {
  const { appOnly, oid, azp } = callerOf(request);
  if (appOnly) return { at: now(), actor: `client:${oid}` };
  return { at: now(), actor: `user:${oid}`, ...(azp === '' ? {} : { client: azp }) };
}
