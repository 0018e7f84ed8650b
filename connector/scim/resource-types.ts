// Every resource type that the door serves. Another one is a file with its table, one with its collection, and a line here.

import type { ResourceType, Schema } from './attribute.ts';
import type { Collection } from './collection.ts';
import { type Extension, extendTypes } from './extensions.ts';
import { group } from './group.ts';
import { groupCollection } from './groups.ts';
import { serviceSchemas } from './service-schemas.ts';
import { user } from './user.ts';
import { type Passwords, userCollection } from './users.ts';

/** The types as the standard has them. */
export const resourceTypes: readonly ResourceType[] = [user, group];

/** The collections, in the order in which discovery names them. */
export function collectionsOf(extensions: readonly Extension[] = [], passwords?: Passwords): Collection[] {
  const [users = user, groups = group] = extendTypes(resourceTypes, extensions);
  return [userCollection(users, passwords), groupCollection(groups)];
}

/** Every schema of these types, and those of discovery itself. */
export function schemasOf(types: readonly ResourceType[]): Schema[] {
  const own = types.flatMap(({ schema, extensions }) => [schema, ...extensions.map((extension) => extension.schema)]);
  return [...own, ...serviceSchemas];
}
