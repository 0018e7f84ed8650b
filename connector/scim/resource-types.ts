// Every resource type that the door serves. Another one is a file with its table, and a line here.

import type { ResourceType, Schema } from './attribute.ts';
import { user } from './user.ts';

export const resourceTypes: readonly ResourceType[] = [user];

/** Every schema of every type. */
export const schemas: readonly Schema[] = resourceTypes.flatMap(({ schema, extensions }) => [
  schema,
  ...extensions.map((extension) => extension.schema),
]);
