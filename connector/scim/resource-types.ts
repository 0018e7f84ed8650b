// Every resource type that the door serves. Another one is a file with its table, one with its collection, and a line here.

import type { ResourceType, Schema } from './attribute.ts';
import type { Collection } from './collection.ts';
import { user } from './user.ts';
import { userCollection } from './users.ts';

/** The collections, in the order in which discovery names them. */
export function collectionsOf(): Collection[] {
  return [userCollection(user)];
}

/** Every schema of these types. */
export function schemasOf(types: readonly ResourceType[]): Schema[] {
  return types.flatMap(({ schema, extensions }) => [schema, ...extensions.map((extension) => extension.schema)]);
}
