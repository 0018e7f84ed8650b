// /Users: the table of user.ts over the store's people.

import type { Resolve } from '../filter/scim.ts';
import type { UserContent } from '../store/user-resource.ts';
import {
  createUser,
  deleteUser,
  isUserSearchable,
  listUsers,
  readStored,
  resourceText,
  updateUser,
} from '../store/users.ts';
import { fieldOf, type ResourceType } from './attribute.ts';
import type { Collection } from './collection.ts';
import { patchResource } from './patch.ts';
import { readResource } from './resource.ts';
import { user } from './user.ts';

/**
 * Reads a User (RFC 7644 §3.3, §3.5.1); see `readResource`.
 * @throws Problem invalidSyntax, invalidValue with `field`
 */
export function readUser(body: unknown, current?: UserContent): UserContent {
  return readResource<UserContent>(user, body, current);
}

export function userCollection(type: ResourceType): Collection {
  const read = (body: unknown, current?: UserContent) => readResource<UserContent>(type, body, current);
  const resolve: Resolve = (path, use, parent) => {
    const field = fieldOf(type, path, use, parent);
    return field && isUserSearchable(parent ? `${parent.path}.${field.path}` : field.path) ? field : undefined;
  };
  return {
    type,
    patchAnswers: 'resource',
    resolve,
    prepare: async () => undefined,
    create: (tx, { tenant, by }, id, body) => createUser(tx, tenant, id, read(body), by),
    read: readStored,
    replace: (tx, { tenant, by }, id, body, match) =>
      updateUser(tx, tenant, id, (current) => read(body, current), by, match),
    patch: (tx, { tenant, by }, id, body, match) =>
      updateUser(tx, tenant, id, (current) => patchResource<UserContent>(type, current, body), by, match),
    remove: (tx, { tenant, by }, id, match) => deleteUser(tx, tenant, id, by, match),
    *list(tx, tenant, filter, page) {
      const { total, users } = yield* listUsers(tx, tenant, filter, page);
      return { total, found: users };
    },
    *texts(_tx, _tenant, found, { base }) {
      return found.map((stored) => resourceText(stored, base));
    },
  };
}
