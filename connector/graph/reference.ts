// References to people and groups in a body: `@odata.id` and `…@odata.bind` (OData 4.01 §8.3, Microsoft Graph
// `/members/$ref`). They are addresses of this service, under its own name or Microsoft's, which scripts have written in.

import type { Tx, Work } from '../sql/sql.ts';
import { readGroup } from '../store/groups.ts';
import { readStored } from '../store/users.ts';
import { canonicalAddress } from './address.ts';
import { doorPath, type GraphDeps } from './deps.ts';
import { badRequest, type GraphError, notFound } from './error.ts';
import { personOf } from './person.ts';

/** What an address names; nobody has looked yet whether it is there. */
export interface Reference {
  readonly kind: 'directoryObjects' | 'users' | 'groups';
  /** An id; of `users` maybe a userPrincipalName. */
  readonly key: string;
}

const kinds = ['directoryObjects', 'users', 'groups'] as const;
const microsoft = 'https://graph.microsoft.com';

/** `https://…/v1.0/directoryObjects/{id}`, `…/users/{id | userPrincipalName}` or `…/groups/{id}`. @throws GraphError 400 */
export function readReference({ publicUrl }: Pick<GraphDeps, 'publicUrl'>, reference: unknown): Reference {
  const base = `${publicUrl}${doorPath}/`;
  if (typeof reference !== 'string' || !URL.canParse(reference, base)) throw invalid();
  const { origin, pathname, search, hash } = new URL(reference, base);
  const isOurs = origin === new URL(publicUrl).origin || origin === microsoft;
  if (!isOurs || search !== '' || hash !== '') throw invalid();
  const path = pathname.replace(/^\/(v1\.0|beta)(?=\/)/i, '');
  const [, segment = '', key = ''] = /^\/(\w+)\/([^/]+)$/.exec(canonicalAddress(`${doorPath}${path}`).slice(5)) ?? [];
  const kind = kinds.find((one) => one.toLowerCase() === segment.toLowerCase());
  if (kind === undefined || key === '') throw invalid();
  return { kind, key: decoded(key) };
}

function decoded(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    throw invalid();
  }
}

function invalid(): GraphError {
  return badRequest("Invalid URL format specified in '@odata.id' of the request.");
}

/** The id of the person or group that is meant. @throws GraphError 404 */
export function* referencedId(tx: Tx, tenant: string, { kind, key }: Reference): Work<string> {
  if (kind === 'users') return (yield* personOf(tx, tenant, key)).id;
  const id = key.toLowerCase();
  const found =
    (yield* readGroup(tx, tenant, id)) ?? (kind === 'groups' ? undefined : yield* readStored(tx, tenant, id));
  if (!found) throw notFound(key.slice(0, 256));
  return id;
}
