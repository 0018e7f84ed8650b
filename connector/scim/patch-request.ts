// A PatchOp message (RFC 7644 §3.5.2) as it was sent: its operations, and what their spelling says of the client. Nothing
// here knows what the paths mean.

import { Problem } from '#shared/problem.ts';
import { isObject, membersOf, requireSchema } from './resource.ts';

const patchOp = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

export type Op = 'add' | 'remove' | 'replace';

/** One operation; without a path its value is an object. */
export interface Operation {
  readonly op: Op;
  readonly path?: string;
  readonly value: unknown;
  /** Does a `replace` whose filter matches nothing add the element that the filter describes? */
  readonly creates: boolean;
}

export interface PatchRequest {
  readonly operations: readonly Operation[];
  /** Is every `op` written as Entra writes it: Add, Replace, Remove? */
  readonly titleCase: boolean;
}

/** Operations of one PATCH: each may walk every value of an attribute. */
const mostOperations = 1000;
const titleCased = ['Add', 'Replace', 'Remove'];

/**
 * Reads the message; what is wrong with paths and values is found when it is applied.
 * @param flagged does the URL carry Entra's `aadOptscim062020`?
 * @throws Problem invalidSyntax, invalidPath, invalidValue, noTarget
 */
export function readPatch(body: unknown, flagged = false): PatchRequest {
  if (!isObject(body)) throw new Problem('invalidSyntax', { reason: 'A PATCH is a JSON object.' });
  const members = membersOf(body);
  requireSchema(members, patchOp);
  const operations = members.get('operations');
  if (!Array.isArray(operations) || operations.length === 0) {
    throw new Problem('invalidSyntax', {
      field: 'Operations',
      reason: '“Operations” must be an array with operations.',
    });
  }
  if (operations.length > mostOperations) {
    throw new Problem('invalidValue', {
      field: 'Operations',
      reason: `At most ${mostOperations} operations fit in a PATCH.`,
    });
  }
  const read = operations.map((one) => readOperation(one, flagged));
  return { operations: read.map(({ operation }) => operation), titleCase: read.every(({ titleCase }) => titleCase) };
}

function readOperation(value: unknown, flagged: boolean): { operation: Operation; titleCase: boolean } {
  if (!isObject(value))
    throw new Problem('invalidSyntax', { field: 'Operations', reason: 'An operation is an object.' });
  const members = membersOf(value);
  const given = members.get('op');
  // Entra writes Add, Replace and Remove.
  const op = typeof given === 'string' ? given.toLowerCase() : '';
  if (op !== 'add' && op !== 'remove' && op !== 'replace') {
    throw new Problem('invalidSyntax', { field: 'op', reason: '“op” must be add, remove or replace.' });
  }
  const titleCase = titleCased.includes(given as string);
  const path = members.get('path') ?? undefined;
  if (path !== undefined && typeof path !== 'string') throw new Problem('invalidPath', { path: '' });
  if (op === 'remove' && (path === undefined || path === '')) throw new Problem('noTarget');
  // §3.5.2.1: "The operation MUST contain a "value" member". null is one: it unassigns.
  if (op !== 'remove' && !members.has('value')) {
    throw new Problem('invalidValue', { field: 'value', reason: `“${op}” needs a “value”.` });
  }
  // Entra replaces phoneNumbers[type eq "mobile"].value before there is such an element; for others it is noTarget.
  const creates = titleCase || flagged;
  const operation = { op, value: members.get('value'), creates } as const;
  if (path) return { operation: { ...operation, path }, titleCase };
  if (!isObject(operation.value)) {
    throw new Problem('invalidValue', { field: 'value', reason: 'Without a path, “value” must be an object.' });
  }
  return { operation, titleCase };
}
