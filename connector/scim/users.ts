// /Users: the table of user.ts over the store's people, and what is said of them beside it: their groups, their
// manager's name, and the password, which goes to the credentials and nowhere else.

import { problemSentence } from '#shared/messages/problem.ts';
import { checkPassword } from '#shared/password.ts';
import { Problem } from '#shared/problem.ts';
import { record } from '../audit.ts';
import { wakeSubject } from '../jobs.ts';
import type { Tx, Work } from '../sql/sql.ts';
import { type Hashing, setPassword } from '../store/credentials.ts';
import { unfitAttribute } from '../store/graph-attributes.ts';
import { managerOf, namesOf } from '../store/managers.ts';
import { type Membership, membershipsOf } from '../store/memberships.ts';
import { sending } from '../store/resource.ts';
import { userSource } from '../store/source.ts';
import { enterpriseUser, graphUser, shownName, type UserContent } from '../store/user-resource.ts';
import { createUser, deleteUser, readStored, type StoredUser, updateUser } from '../store/users.ts';
import type { Tenant } from '../tenant.ts';
import type { ResourceType } from './attribute.ts';
import type { Caller, Collection, View } from './collection.ts';
import { assignedValue, patchResource } from './patch.ts';
import type { PatchRequest } from './patch-request.ts';
import { isObject, readResource } from './resource.ts';
import { user } from './user.ts';

/** The scope that lets a token set passwords. */
const passwordScope = 'scim.password';

/** What setting a password takes. */
export interface Passwords {
  readonly hashing: Hashing;
  readonly tenantOf: (id: string) => Promise<Tenant | undefined>;
}

/** A password on its way into the store: hashed before the transaction, held against the policy within it. */
interface PreparedPassword {
  readonly password: string;
  readonly hash: string;
  readonly tenant: Tenant;
}

/**
 * Reads a User (RFC 7644 §3.3, §3.5.1); see `readResource`. A password is left out.
 * @throws Problem invalidSyntax, invalidValue with `field`
 */
export function readUser(body: unknown, current?: UserContent): UserContent {
  return kept(readResource<UserContent>(user, body, current));
}

/** What is kept of a User: no password, and nothing that the other door could not show. @throws Problem invalidValue */
function kept({ password: _password, ...content }: UserContent): UserContent {
  const unfit = unfitAttribute(content[graphUser] ?? {});
  if (unfit !== undefined) {
    const reason = 'Microsoft Graph’s property of this name holds no such text.';
    throw new Problem('invalidValue', { field: `${graphUser}:${unfit}`, reason });
  }
  return content as UserContent;
}

export function userCollection(type: ResourceType, passwords?: Passwords): Collection {
  const read = (body: unknown, current?: UserContent) => kept(readResource(type, body, current));
  const patched = (patch: PatchRequest, current: UserContent) => kept(patchResource(type, current, patch));

  const mayAssign = ({ scopes }: Caller) => passwords !== undefined && scopes.includes(passwordScope);
  /** Hashed here, since a transaction does not wait. */
  async function preparing({ tenant }: Caller, password: string): Promise<PreparedPassword> {
    const found = await passwords?.tenantOf(tenant);
    if (!passwords || !found) throw new Problem('notFound');
    // Far beyond what any policy allows: not worth a hash.
    if (password.length > 1024) throw new Problem('invalidValue', { field: 'password', reason: 'It is too long.' });
    const hash = await passwords.hashing.turn((argon) => argon.hash(password));
    return { password, hash, tenant: found };
  }

  function* change(
    tx: Tx,
    { tenant, by }: Caller,
    id: string,
    next: (current: UserContent) => UserContent,
    match: (version: number) => boolean,
    prepared: object | undefined,
  ): Work<StoredUser> {
    let content: UserContent | undefined;
    const remember = (current: UserContent) => {
      content = next(current);
      return content;
    };
    const stored = yield* updateUser(tx, tenant, id, remember, by, match);
    if (prepared && content) yield* assignPassword(tx, prepared as PreparedPassword, id, content, by);
    return stored;
  }

  return {
    type,
    patchAnswers: 'resource',
    source: userSource,
    async prepare(caller, body) {
      const named = isObject(body) && Object.entries(body).find(([name]) => name.toLowerCase() === 'password');
      const password = named ? textOf(named[1]) : undefined;
      // Okta's profile carries a password along whether or not it is synchronised (RFC 7644 §3.3: not asserted).
      return password !== undefined && mayAssign(caller) ? preparing(caller, password) : undefined;
    },
    async preparePatch(caller, patch) {
      const password = textOf(assignedValue(type, patch, 'password'));
      if (password === undefined) return undefined;
      // A password that PATCH drops silently would be believed to be set.
      if (!mayAssign(caller)) throw new Problem('scopeMissing', { attribute: 'password', scope: passwordScope });
      return preparing(caller, password);
    },
    *create(tx, { tenant, by }, id, body, prepared) {
      const content = read(body);
      const stored = yield* createUser(tx, tenant, id, content, by);
      if (prepared) yield* assignPassword(tx, prepared as PreparedPassword, id, content, by);
      return stored;
    },
    read: readStored,
    replace: (tx, caller, id, body, match, prepared) =>
      change(tx, caller, id, (current) => read(body, current), match, prepared),
    patch: (tx, caller, id, patch, match, prepared) =>
      change(tx, caller, id, (current) => patched(patch, current), match, prepared),
    remove: (tx, { tenant, by }, id, match) => deleteUser(tx, tenant, id, by, match),
    texts: userTexts,
  };
}

// Password ------------------------------------------------------------------------------------------------------

/** What a password is given as; another type is refused when the body is read, "" and null assign nothing. */
function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Holds the password against the organisation's policy and sets it, in the transaction that writes the User. */
function* assignPassword(
  tx: Tx,
  { password, hash, tenant }: PreparedPassword,
  id: string,
  content: UserContent,
  { at, actor }: Caller['by'],
): Work<void> {
  const [finding] = checkPassword(password, tenant.policy.password, {
    displayName: shownName(content),
    userPrincipalName: content.userName,
    organisation: tenant.name,
  });
  if (finding) {
    const reason = problemSentence('en', finding.code, finding.details ?? {});
    throw new Problem('invalidValue', { field: 'password', reason });
  }
  yield* setPassword(tx, { tenant: tenant.id, userId: id, hash, forceChange: false, changedBy: 'sync', at });
  yield* record(tx, { tenant: tenant.id, at, actor, action: 'password.changed', target: `user:${id}` });
  yield* wakeSubject(tx, tenant.id, id, at);
}

// Sending -------------------------------------------------------------------------------------------------------

/** The texts with groups and managers: of all of them in a few statements. */
function* userTexts(tx: Tx, tenant: string, found: readonly StoredUser[], { base, shows }: View): Work<string[]> {
  const ids = found.map(({ id }) => id);
  const groups = shows('groups') ? yield* membershipsOf(tx, tenant, ids) : undefined;
  const managers = shows(enterpriseUser) ? found.map(({ text }) => managerOf(text)) : [];
  const managerIds = [...new Set(managers.flatMap((manager) => (manager ? [manager.id] : [])))];
  const names = managerIds.length > 0 ? yield* namesOf(tx, tenant, managerIds) : undefined;
  const sent = sending(`${base}/Users`);
  const groupsText = groupsAsText(base);
  return found.map((stored, at) => {
    const manager = managers[at];
    const text = manager ? manager.named(base, names?.get(manager.id)) : stored.text;
    const own = groups?.get(stored.id);
    return sent(stored.id, text, own && groupsText(own));
  });
}

/** The member `groups` with a comma before it; made once for all who share the array. */
function groupsAsText(base: string): (groups: readonly Membership[]) => string {
  const texts = new Map<readonly Membership[], string>();
  return (groups) => {
    let text = texts.get(groups);
    if (text === undefined) {
      text = `,"groups":${JSON.stringify(groups.map((one) => ({ ...one, $ref: `${base}/Groups/${one.value}` })))}`;
      texts.set(groups, text);
    }
    return text;
  };
}
