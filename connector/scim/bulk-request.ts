// A BulkRequest (RFC 7644 §3.7): what it asks for, which of its operations need which others, and in what order that can
// be done. Nothing here touches the database.

import { Problem } from '#shared/problem.ts';
import { isObject, type JsonObject, membersOf, requireSchema } from './resource.ts';

/** RFC 7644 §3.7.4; the second is the door's limit for any body, in bytes. */
export const maxOperations = 1000;
export const maxPayloadSize = 1024 * 1024;

const bulkRequest = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest';
const prefix = 'bulkId:';

export const bulkMethods = ['POST', 'PUT', 'PATCH', 'DELETE'] as const;
export type BulkMethod = (typeof bulkMethods)[number];

/** One operation as it was sent, its members not yet looked at. */
export interface Operation {
  readonly method: unknown;
  readonly bulkId: unknown;
  readonly path: unknown;
  readonly version: unknown;
  readonly data: unknown;
}

export interface BulkRequest {
  readonly operations: readonly Operation[];
  /** How many errors end the job; absent: none does. */
  readonly failOnErrors?: number;
}

/**
 * Reads the message itself; what is wrong within one operation is that operation's error.
 * @throws Problem invalidSyntax, invalidValue, tooLarge
 */
export function readBulk(body: unknown): BulkRequest {
  if (!isObject(body)) throw new Problem('invalidSyntax', { reason: 'A BulkRequest is a JSON object.' });
  const members = membersOf(body);
  requireSchema(members, bulkRequest);
  const operations = members.get('operations');
  if (!Array.isArray(operations)) {
    throw new Problem('invalidSyntax', { field: 'Operations', reason: '“Operations” must be an array.' });
  }
  if (operations.length > maxOperations) {
    throw new Problem('tooLarge', { reason: `The number of operations exceeds the maxOperations (${maxOperations}).` });
  }
  const failOnErrors = members.get('failonerrors') ?? undefined;
  if (failOnErrors !== undefined && !(Number.isSafeInteger(failOnErrors) && Number(failOnErrors) >= 0)) {
    throw new Problem('invalidValue', { field: 'failOnErrors', reason: '“failOnErrors” must be a whole number.' });
  }
  return {
    operations: operations.map(readOperation),
    // Who accepts no error at all accepts as many as who stops at the first.
    ...(failOnErrors === undefined ? {} : { failOnErrors: Math.max(1, Number(failOnErrors)) }),
  };
}

function readOperation(value: unknown): Operation {
  if (!isObject(value)) {
    throw new Problem('invalidSyntax', { field: 'Operations', reason: 'An operation is an object.' });
  }
  const members = membersOf(value);
  const part = (name: string) => members.get(name) ?? undefined;
  const method = part('method');
  return {
    method: typeof method === 'string' ? method.toUpperCase() : method,
    bulkId: part('bulkid'),
    path: part('path'),
    version: part('version'),
    data: part('data'),
  };
}

// References (RFC 7644 §3.7.2) ----------------------------------------------------------------------------------

/** Where a bulkId stands for an id: as a whole text, at the end of a URI, or in the filter of a PATCH path. */
const embedded = /(?<=["/])bulkId:([^"/[\]]+)(?="|$)/g;

/** The bulkIds that a value refers to. */
export function referencesIn(value: unknown): Set<string> {
  const found = new Set<string>();
  const text = (given: string) => {
    if (given.startsWith(prefix)) found.add(given.slice(prefix.length));
    else for (const [, bulkId] of given.matchAll(embedded)) if (bulkId) found.add(bulkId);
  };
  walk(value, text);
  return found;
}

function walk(value: unknown, text: (given: string) => void): void {
  if (typeof value === 'string') text(value);
  else if (typeof value === 'object' && value !== null) for (const inner of Object.values(value)) walk(inner, text);
}

/**
 * The value with ids in the place of bulkIds.
 * @throws Problem invalidValue for a bulkId that is none of this request's
 */
export function resolved(value: unknown, ids: ReadonlyMap<string, string>): unknown {
  const idOf = (bulkId: string) => {
    const id = ids.get(bulkId);
    if (id !== undefined) return id;
    const reason = `No operation of this request has the bulkId “${bulkId.slice(0, 100)}”.`;
    throw new Problem('invalidValue', { field: 'bulkId', reason });
  };
  const text = (given: string) => {
    if (given.startsWith(prefix)) return idOf(given.slice(prefix.length));
    return given.includes(prefix) ? given.replace(embedded, (_whole, bulkId: string) => idOf(bulkId)) : given;
  };
  const copy = (one: unknown): unknown => {
    if (typeof one === 'string') return text(one);
    if (Array.isArray(one)) return one.map(copy);
    if (!isObject(one)) return one;
    return Object.fromEntries(Object.entries(one).map(([name, inner]) => [name, copy(inner)]));
  };
  return copy(value);
}

/** A resource without the values that refer to these bulkIds: what can be made before those are there. */
export function without(resource: unknown, bulkIds: ReadonlySet<string>): unknown {
  const refers = (value: unknown) =>
    typeof value === 'string' && [...referencesIn(value)].some((id) => bulkIds.has(id));
  const copy = (value: unknown, top: boolean): unknown => {
    if (refers(value)) return undefined;
    if (Array.isArray(value)) return value.map((one) => copy(one, false)).filter((one) => one !== undefined);
    if (!isObject(value)) return value;
    // A member or manager is nothing without its id.
    if (!top && Object.values(value).some(refers)) return undefined;
    const kept: JsonObject = {};
    for (const [name, inner] of Object.entries(value)) {
      const part = copy(inner, false);
      if (part !== undefined) kept[name] = part;
    }
    return kept;
  };
  return copy(resource, true);
}

/**
 * The order in which operations can be done: as they were sent, but one that refers to a later one waits for it. Those that
 * refer to each other in a circle come as one step (RFC 7644 §3.7.1), in the place of their last.
 * @param needs of each operation the places of those that go before it
 */
export function stepsOf(needs: readonly (readonly number[])[]): number[][] {
  const circles = circlesOf(needs).sort((a, b) => (a.at(-1) as number) - (b.at(-1) as number));
  const waiting = circles.map((places) => ({ places, needs: 0, neededBy: [] as { needs: number }[] }));
  const stepAt = new Map(waiting.flatMap((step) => step.places.map((at) => [at, step] as const)));
  for (const step of waiting) {
    const others = new Set(step.places.flatMap((at) => needs[at] ?? []).map((at) => stepAt.get(at)));
    for (const other of others) {
      if (other === undefined || other === step) continue;
      other.neededBy.push(step);
      step.needs++;
    }
  }
  const steps: number[][] = [];
  while (waiting.length > 0) {
    // There is one: what is left has no circles.
    const [step] = waiting.splice(
      waiting.findIndex((one) => one.needs === 0),
      1,
    );
    steps.push(step?.places ?? []);
    for (const other of step?.neededBy ?? []) other.needs--;
  }
  return steps;
}

/** The circles, one operation alone being one too, by Tarjan's algorithm; the places in each grow. */
function circlesOf(needs: readonly (readonly number[])[]): number[][] {
  const circles: number[][] = [];
  const found = new Map<number, number>();
  const low: number[] = [];
  const open: number[] = [];
  const visit = (at: number): void => {
    found.set(at, found.size);
    low[at] = found.get(at) as number;
    open.push(at);
    for (const other of needs[at] ?? []) {
      if (!found.has(other)) {
        visit(other);
        low[at] = Math.min(low[at] as number, low[other] as number);
      } else if (open.includes(other)) low[at] = Math.min(low[at] as number, found.get(other) as number);
    }
    if (low[at] === found.get(at)) circles.push(open.splice(open.indexOf(at)).sort((a, b) => a - b));
  };
  for (const at of needs.keys()) if (!found.has(at)) visit(at);
  return circles;
}
