// POST /Bulk (RFC 7644 §3.7): many operations in one request, each of them whole or not at all, whatever becomes of the
// others. Ids are given before anything is written, so that a reference is known wherever it stands; operations are done
// in the order in which they were sent, those that refer to later ones after them, circles in two phases within one
// transaction.

import type { FastifyInstance } from 'fastify';
import { Problem } from '#shared/problem.ts';
import type { Tx, Work } from '../sql/sql.ts';
import { etag } from '../store/users.ts';
import { uuidv7 } from '../store/uuid.ts';
import {
  type BulkMethod,
  bulkMethods,
  type Operation,
  readBulk,
  referencesIn,
  resolved,
  stepsOf,
  without,
} from './bulk-request.ts';
import {
  answersPatch,
  type Caller,
  type Collection,
  type Condition,
  type Prepared,
  type Stored,
} from './collection.ts';
import { type Door, endpoint } from './door.ts';
import { asProblem, errorMessage, ofResource } from './error.ts';
import { readPatch } from './patch-request.ts';
import { namesVersion } from './request.ts';

const bulkResponse = 'urn:ietf:params:scim:api:messages:2.0:BulkResponse';
/** Steps in one transaction, as long as none of them fails. */
const mostTogether = 64;

export function bulkEndpoint(app: FastifyInstance, door: Door): void {
  endpoint(app, '/Bulk', {
    POST: async (request, reply) => reply.send(await answerBulk(door, door.callerOf(request), request.body)),
  });
}

/** An operation that can be tried. */
interface Task {
  readonly collection: Collection;
  readonly method: BulkMethod;
  readonly caller: Caller;
  readonly id: string;
  readonly data: unknown;
  readonly match: Condition;
  readonly prepared: Prepared;
}

/** What came of an operation. */
type Outcome = { readonly status: number; readonly version?: number } | { readonly problem: Problem };

/** A job: its operations by their place in the request. */
interface Job {
  readonly operations: readonly Operation[];
  readonly tasks: readonly (Task | Problem)[];
  /** What each refers to. */
  readonly needs: readonly (readonly number[])[];
  /** By bulkId. */
  readonly ids: ReadonlyMap<string, string>;
  readonly outcomes: Map<number, Outcome>;
}

/** @throws Problem invalidSyntax, invalidValue, tooLarge for the message as a whole; unavailable before anything is done */
async function answerBulk(door: Door, caller: Caller, body: unknown): Promise<string> {
  const { operations, failOnErrors = Number.POSITIVE_INFINITY } = readBulk(body);
  const job = await plan(door, caller, operations);
  const earlier = earlierOf(job.tasks);
  const steps = stepsOf(job.needs.map((needs, at) => [...needs, ...(earlier[at] ?? [])]));
  await run(door, job, steps, failOnErrors);
  const results = [...job.outcomes].sort(([a], [b]) => a - b).map(([at, outcome]) => resultOf(door, job, at, outcome));
  return JSON.stringify({ schemas: [bulkResponse], Operations: results });
}

// Planning ------------------------------------------------------------------------------------------------------

async function plan(door: Door, caller: Caller, operations: readonly Operation[]): Promise<Job> {
  const ids = new Map<string, string>();
  const places = new Map<string, number>();
  for (const [at, { method, bulkId }] of operations.entries()) {
    if (method !== 'POST' || typeof bulkId !== 'string' || places.has(bulkId)) continue;
    places.set(bulkId, at);
    ids.set(bulkId, idAt(door, caller, at));
  }
  const tasks: (Task | Problem)[] = [];
  for (const [at, operation] of operations.entries()) {
    try {
      const { bulkId } = operation;
      const second = typeof bulkId === 'string' && places.has(bulkId) && places.get(bulkId) !== at;
      if (operation.method === 'POST' && second) refuse('bulkId', 'Another operation has this bulkId.');
      tasks.push(await taskOf(door, caller, operation, ids, at));
    } catch (error) {
      tasks.push(problemOf(door, error));
    }
  }
  const needs = operations.map(({ path, data }) =>
    [...referencesIn([path, data])].flatMap((bulkId) => places.get(bulkId) ?? []),
  );
  return { operations, tasks, needs, ids, outcomes: new Map() };
}

/** Of each the one before it on the same resource: their order holds even where the first waits for what it refers to. */
function earlierOf(tasks: readonly (Task | Problem)[]): number[][] {
  const last = new Map<string, number>();
  return tasks.map((task, at) => {
    // Before a POST there is no such resource, wherever it stands.
    if (task instanceof Problem || task.method === 'POST') return [];
    const resource = `${task.collection.type.endpoint}/${task.id}`;
    const earlier = last.get(resource);
    last.set(resource, at);
    return earlier === undefined ? [] : [earlier];
  });
}

/** Ids that grow with the operations, also within a millisecond: `rand_a` counts (RFC 9562 §6.2). */
function idAt({ deps }: Door, { by }: Caller, at: number): string {
  const random = deps.random(10);
  random[0] = at >> 8;
  random[1] = at & 255;
  return uuidv7(by.at, random);
}

async function taskOf(
  door: Door,
  caller: Caller,
  operation: Operation,
  ids: ReadonlyMap<string, string>,
  at: number,
): Promise<Task> {
  const { bulkId, version, data } = operation;
  const method = bulkMethods.find((one) => one === operation.method);
  if (!method) return refuse('method', `“method” must be one of ${bulkMethods.join(', ')}.`);
  const { collection, id } = targetOf(door, method, operation.path, ids);
  if (method === 'POST' && (typeof bulkId !== 'string' || bulkId === '')) {
    return refuse('bulkId', 'A POST needs a “bulkId”.');
  }
  if (method !== 'DELETE' && data === undefined) return refuse('data', `A ${method} needs “data”.`);
  if (version !== undefined && typeof version !== 'string') return refuse('version', '“version” must be text.');
  const { txn } = caller.by;
  // Each operation of an asynchronous request has a completion of its own (RFC 9967 draft §2.5.1.2).
  const by = {
    ...caller.by,
    via: method === 'PUT' ? 'put' : 'patch',
    ...(txn ? { txn: `${txn}:${at}` } : {}),
  } as const;
  const asking = { ...caller, by };
  return {
    collection,
    method,
    caller: asking,
    id: id ?? (ids.get(bulkId as string) as string),
    data,
    match: version === undefined ? () => true : (current) => namesVersion(version, current),
    prepared: await preparedFor(collection, asking, method, data),
  };
}

function preparedFor(collection: Collection, caller: Caller, method: BulkMethod, data: unknown): Promise<Prepared> {
  if (method === 'DELETE') return Promise.resolve(undefined);
  return method === 'PATCH' ? collection.preparePatch(caller, readPatch(data)) : collection.prepare(caller, data);
}

function refuse(field: string, reason: string): never {
  throw new Problem('invalidSyntax', { field, reason });
}

/** What a path names, with the error that the request would have had on its own (RFC 7644 §3.7.3). */
function targetOf(
  { collections, base }: Door,
  method: BulkMethod,
  path: unknown,
  ids: ReadonlyMap<string, string>,
): { collection: Collection; id?: string } {
  if (typeof path !== 'string') return refuse('path', '“path” must be text like /Users or /Users/{id}.');
  const relative = path.startsWith(`${base}/`) ? path.slice(base.length) : path;
  const [, name = '', rest] = /^\/?([^/?#]+)(?:\/([^/?#]+))?\/?$/.exec(relative) ?? [];
  const collection = collections.find(({ type }) => type.endpoint.toLowerCase() === `/${name}`.toLowerCase());
  if (!collection) throw new Problem('notFound');
  if ((method === 'POST') !== (rest === undefined)) throw new Problem('methodNotAllowed');
  return rest === undefined ? { collection } : { collection, id: String(resolved(decoded(rest), ids)) };
}

function decoded(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    throw new Problem('notFound');
  }
}

// Doing ---------------------------------------------------------------------------------------------------------

/** Does the steps in order, many in one transaction: what fails is found there, undone, and left out of the next. */
async function run(door: Door, job: Job, steps: readonly number[][], failOnErrors: number): Promise<void> {
  let errors = 0;
  let together = mostTogether;
  for (let next = 0; next < steps.length && errors < failOnErrors; ) {
    const group = steps.slice(next, next + together);
    let reached = 0;
    try {
      const done = await door.deps.sql.run(function* (tx) {
        const all: (readonly [number, Outcome])[] = [];
        for (reached = 0; reached < group.length; reached++) {
          all.push(...(yield* perform(tx, job, group[reached] as number[], new Map(all))));
        }
        return all;
      });
      for (const [at, outcome] of done) job.outcomes.set(at, outcome);
      next += group.length;
      together = Math.min(together * 2, mostTogether);
    } catch (error) {
      const problem = problemOf(door, error);
      if (reached > 0 && reached < group.length) {
        // Those before it are good, and are done again without it.
        together = reached;
        continue;
      }
      // Not one of them, but the database: what follows would fail as well.
      const ends = problem.code === 'unavailable' || reached > 0;
      if (ends && job.outcomes.size === 0) throw problem;
      const failed = group[0] as number[];
      for (const at of failed)
        job.outcomes.set(at, { problem: failed.length > 1 ? ofCircle(job, at, problem) : ofOne(job, at, problem) });
      if (ends) return;
      errors += failed.length;
      next++;
      together = 1;
    }
  }
}

function ofOne({ tasks }: Job, at: number, problem: Problem): Problem {
  const task = tasks[at];
  return task && !(task instanceof Problem) ? ofResource(problem, task.id) : problem;
}

/** In a circle all fail with the one that does: it keeps its error, the others are in conflict with it (§3.7.1). */
function ofCircle(job: Job, at: number, problem: Problem): Problem {
  const own = job.tasks[at];
  if (own instanceof Problem) return own;
  return new Problem('stateConflict', { reason: `A resource that it refers to was not made: ${problem.code}.` });
}

function* perform(
  tx: Tx,
  job: Job,
  step: readonly number[],
  earlier: ReadonlyMap<number, Outcome>,
): Work<(readonly [number, Outcome])[]> {
  const tasks = step.map((at) => {
    const task = job.tasks[at] as Task | Problem;
    if (task instanceof Problem) throw task;
    for (const need of job.needs[at] ?? []) {
      const outcome = step.includes(need) ? undefined : (earlier.get(need) ?? job.outcomes.get(need));
      if (outcome && 'problem' in outcome) {
        const reason = `“bulkId:${String(job.operations[need]?.bulkId).slice(0, 100)}” was not made.`;
        throw new Problem('invalidValue', { field: 'bulkId', reason });
      }
    }
    return [at, task] as const;
  });
  const [first] = tasks;
  const alone = tasks.length === 1 && first !== undefined && !job.needs[first[0]]?.includes(first[0]);
  if (alone) return [[first[0], yield* performOne(tx, job, first[1])] as const];
  return yield* performCircle(tx, job, tasks);
}

function* performOne(tx: Tx, { ids }: Job, task: Task): Work<Outcome> {
  const { collection, method, caller, id, match, prepared } = task;
  if (method === 'DELETE') {
    yield* collection.remove(tx, caller, id, match);
    return { status: 204 };
  }
  const data = resolved(task.data, ids);
  if (method === 'POST') return made(201, yield* collection.create(tx, caller, id, data, prepared));
  if (method === 'PUT') return made(200, yield* collection.replace(tx, caller, id, data, match, prepared));
  const patch = readPatch(data);
  return made(answersPatch(collection, patch), yield* collection.patch(tx, caller, id, patch, match, prepared));
}

/** First every resource without its references into the circle, then the references: by now all of them are there. */
function* performCircle(
  tx: Tx,
  { operations, ids }: Job,
  tasks: readonly (readonly [number, Task])[],
): Work<(readonly [number, Outcome])[]> {
  const within = new Set(tasks.map(([at]) => String(operations[at]?.bulkId)));
  for (const [, { collection, caller, id, data, prepared }] of tasks) {
    yield* collection.create(tx, caller, id, resolved(without(data, within), ids), prepared);
  }
  const outcomes: (readonly [number, Outcome])[] = [];
  for (const [at, { collection, caller, id, data }] of tasks) {
    outcomes.push([at, made(201, yield* collection.replace(tx, caller, id, resolved(data, ids), () => true))]);
  }
  return outcomes;
}

function made(status: number, { version }: Stored): Outcome {
  return { status, version };
}

function problemOf({ deps }: Door, error: unknown): Problem {
  const problem = asProblem(error as Error);
  if (!problem) deps.log.error({ err: error }, 'scim bulk');
  return problem ?? new Problem('internal');
}

// Telling -------------------------------------------------------------------------------------------------------

/** RFC 7644 §3.7.3: location for everything but a POST that failed, the Error message for what failed. */
function resultOf(door: Door, job: Job, at: number, outcome: Outcome): object {
  const { method, bulkId } = job.operations[at] as Operation;
  const failed = 'problem' in outcome;
  const location = failed && method === 'POST' ? undefined : locationOf(door, job, at);
  return {
    ...(location === undefined ? {} : { location }),
    ...(typeof method === 'string' ? { method } : {}),
    ...(typeof bulkId === 'string' ? { bulkId } : {}),
    ...(!failed && outcome.version !== undefined ? { version: etag(outcome.version) } : {}),
    status: String(failed ? outcome.problem.status : outcome.status),
    ...(failed ? { response: errorMessage(outcome.problem) } : {}),
  };
}

/** Undefined when the path names nothing. */
function locationOf(door: Door, { operations, tasks, ids }: Job, at: number): string | undefined {
  const task = tasks[at];
  try {
    const { collection, id } =
      task && !(task instanceof Problem) ? task : targetOf(door, 'PUT', operations[at]?.path, ids);
    return `${door.base}${collection.type.endpoint}/${id}`;
  } catch (error) {
    if (error instanceof Problem) return undefined;
    throw error;
  }
}
