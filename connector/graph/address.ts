// Addresses of the Graph door as its routes know them. OData lets a client write the same one in several ways (OData 4.01
// URL conventions §4.3.1, §4.5): `/users('id')` is `/users/id`, `/users/delta()` is `/users/delta`, actions may carry
// their namespace; and Microsoft Graph does not mind capitals in the names of its segments.

/** The names that segments have; ids and user names are left as they are written. */
const names = `
  users me groups delta memberOf transitiveMemberOf members transitiveMembers owners authentication methods
  passwordMethods temporaryAccessPassMethods operations resetPassword revokeSignInSessions sendMail directoryRoles
  directoryRoleTemplates roleManagement directory roleAssignments transitiveRoleAssignments roleDefinitions organization
  domains $batch $count $ref microsoft.graph.group microsoft.graph.directoryRole microsoft.graph.user
  administrativeUnits ownedObjects
`
  .trim()
  .split(/\s+/);

const byLowerCase = new Map(names.map((name) => [name.toLowerCase(), name]));

/** An address below the door, rewritten; one that cannot be read is left to whoever refuses it. */
export function canonicalAddress(url: string): string {
  const end = url.search(/[?#]/);
  const path = end === -1 ? url : url.slice(0, end);
  const segments = path.split('/');
  // The first two are empty and the version.
  let isOther = false;
  while (segments.length > 3 && segments.at(-1) === '') {
    segments.pop();
    isOther = true;
  }
  for (let at = 2; at < segments.length; at++) {
    const given = segments[at] as string;
    const canonical = canonicalSegment(given);
    if (canonical === given) continue;
    segments[at] = canonical;
    isOther = true;
  }
  return isOther ? segments.join('/') + url.slice(path.length) : url;
}

/** A segment, or the two that it stands for. */
function canonicalSegment(segment: string): string {
  const plain = nameOf(segment);
  // Only brackets, as they are or as %28, make it anything else.
  if (plain !== undefined || !/\(|%28/.test(segment)) return plain ?? segment;
  const [, called = '', keyText = ''] = /^([\w.]+)\((.*)\)$/s.exec(decoded(segment)) ?? [];
  const name = nameOf(called);
  if (name === undefined) return segment;
  const key = keyOf(keyText);
  return key === '' ? name : `${name}/${encodeURIComponent(key)}`;
}

const namespace = 'microsoft.graph.';

/** The name of a segment in any case, with or without the namespace of an action or function. */
function nameOf(segment: string): string | undefined {
  const lower = segment.toLowerCase();
  const plain = byLowerCase.get(lower);
  if (plain !== undefined || !lower.startsWith(namespace)) return plain;
  return byLowerCase.get(lower.slice(namespace.length));
}

/** `'id'`, `id`, or `roleTemplateId='id'`; a quote within is doubled. */
function keyOf(text: string): string {
  const value = /^[A-Za-z]+=('.*')$/s.exec(text)?.[1] ?? text;
  return /^'.*'$/s.test(value) ? value.slice(1, -1).replaceAll("''", "'") : value;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
