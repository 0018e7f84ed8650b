// What a token request asks for (`scope`), in Entra's notation: `<resource>/<permission>`, where a name without a resource
// is one of the Graph door, and `<resource>/.default` is all that has been granted there.

import { graphPermission } from '../graph/permissions.ts';
import { StsError } from './sts-error.ts';

export interface Asked {
  /** Application ID URI without a slash at its end: the Graph door's origin, or `api://<id>`. */
  readonly resource: string;
  /** Names of permissions, without their resource; empty with `everything`. */
  readonly names: readonly string[];
  /** `.default` */
  readonly everything: boolean;
  /** Is a refresh token asked for? */
  readonly offline: boolean;
}

const openIdScopes = ['openid', 'profile', 'email', 'offline_access'];

/**
 * Reads a scope parameter.
 * @param door the origin of the Graph door
 * @throws StsError for none, and for several resources at once
 */
export function readScopes(text: string | undefined, door: string): Asked {
  const words = [...new Set((text ?? '').split(' ').filter((word) => word !== ''))];
  const found = words
    .filter((word) => !openIdScopes.includes(word))
    .map((word) => {
      const slash = word.lastIndexOf('/');
      if (slash === -1) return { resource: door, name: word };
      // `https://host//.default` is how Entra spells a resource that ends in a slash.
      return { resource: word.slice(0, slash).replace(/\/+$/, ''), name: word.slice(slash + 1) };
    });
  const [first] = found;
  if (!first)
    throw new StsError('invalid_request', 900144, "The request body must contain the following parameter: 'scope'.");
  if (found.some(({ resource }) => resource !== first.resource)) {
    throw new StsError('invalid_scope', 28000, 'The scopes are of more than one resource.');
  }
  const everything = found.some(({ name }) => name === '.default');
  if (everything && found.length > 1) {
    throw new StsError('invalid_scope', 70011, '.default cannot be combined with scopes of its resource.');
  }
  const names = everything ? [] : found.map(({ name }) => name);
  return { resource: first.resource, names, everything, offline: words.includes('offline_access') };
}

/**
 * Which of a program's delegated permissions a request gets: what it asks for, if all of it has been consented to.
 * @throws StsError for a name that there is not, and for what nobody has consented to
 */
export function consented(client: { id: string; name: string; delegated: readonly string[] }, asked: Asked): string[] {
  const names = asked.names.map((name) => {
    const known = graphPermission(name, 'delegated');
    if (known) return known;
    const what = `The provided value for the input parameter 'scope' is not valid. There is no scope '${shown(name)}'.`;
    throw new StsError('invalid_scope', 70011, what);
  });
  const granted = asked.everything ? [...client.delegated] : names;
  if (granted.length > 0 && granted.every((name) => client.delegated.includes(name))) return granted;
  throw new StsError(
    'invalid_grant',
    65001,
    `The user or administrator has not consented to use the application with ID '${client.id}' named '${client.name}'. ` +
      'Send an interactive authorization request for this user and resource.',
  );
}

/** What somebody sent, as it may be repeated. */
export function shown(text: string): string {
  return text.slice(0, 100).replace(/[^\x20-\x7e]/g, '?');
}
