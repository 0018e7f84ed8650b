// Things that stand together in one list: people, groups and roles, each with `@odata.type` that says which it is.

import { builtInRole, roleName } from '../policy/role-templates.ts';
import type { Tx, Work } from '../sql/sql.ts';
import { inChunks, placeholders } from '../store/in-list.ts';
import type { StoredResource } from '../store/resource.ts';
import { roleAssignable } from '../store/roles.ts';
import { graphGroupOf } from './group.ts';
import { graphUserOf, type Person, type PropertyName, personOf } from './user.ts';

export type DirectoryObject = Readonly<Record<string, unknown>>;

/** A role that is given in this organisation. Its id is its template's: each template has one role at most. */
export function directoryRoleOf(templateId: string): DirectoryObject {
  const name = roleName(templateId);
  const description = builtInRole(templateId) === undefined ? 'A custom role.' : `The built-in role ${name}.`;
  return { id: templateId, deletedDateTime: null, description, displayName: name, roleTemplateId: templateId };
}

/** The same among other objects. */
export function roleObject(templateId: string): DirectoryObject {
  return { '@odata.type': '#microsoft.graph.directoryRole', ...directoryRoleOf(templateId) };
}

function* rowsOf(
  tx: Tx,
  table: 'app_user' | 'app_group',
  tenant: string,
  ids: readonly string[],
): Work<StoredResource[]> {
  const found: StoredResource[] = [];
  for (const chunk of inChunks(ids)) {
    const list = placeholders(chunk.length);
    found.push(
      ...(yield* tx.query<{ id: string; text: string; version: number }>(
        `select id, resource as text, version from ${table} where tenant = ? and id in (${list})`,
        [tenant, ...chunk],
      )),
    );
  }
  return found;
}

/** Among other objects; what may not be read is empty. @param readable undefined: everything */
function userObject(person: Person, readable: readonly PropertyName[] | undefined): DirectoryObject {
  const shown: Record<string, unknown> = { '@odata.type': '#microsoft.graph.user' };
  for (const [name, value] of Object.entries(graphUserOf(person))) {
    const isShown = !readable || (readable as readonly string[]).includes(name);
    shown[name] = isShown ? value : Array.isArray(value) ? [] : null;
  }
  return shown;
}

/**
 * These people and groups, in the order of the ids; what belongs to neither is left out.
 * @param readable what of a person may be read: undefined for everything
 */
export function* objectsOf(
  tx: Tx,
  tenant: string,
  ids: readonly string[],
  readable: (id: string) => readonly PropertyName[] | undefined = () => ['id'],
): Work<DirectoryObject[]> {
  const objects = new Map<string, DirectoryObject>();
  for (const stored of yield* rowsOf(tx, 'app_user', tenant, ids)) {
    objects.set(stored.id, userObject(personOf(stored), readable(stored.id)));
  }
  const groups = yield* rowsOf(tx, 'app_group', tenant, ids);
  const assignable = yield* roleAssignable(
    tx,
    tenant,
    groups.map(({ id }) => id),
  );
  for (const stored of groups) {
    const group = graphGroupOf(stored, assignable.has(stored.id));
    objects.set(stored.id, { '@odata.type': '#microsoft.graph.group', ...group });
  }
  return ids.map((id) => objects.get(id)).filter((one) => one !== undefined);
}
