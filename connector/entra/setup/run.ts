// Takes the plan's steps in a tenant, with an administrator's token. What is there is found and kept: a registration gets
// what it lacks and loses nothing. A second run finishes what a first one could not.

import { Secret } from '../../secret.ts';
import { apiScope } from '../../signin/clients.ts';
import { clouds } from '../clouds.ts';
import type { Choices } from './choices.ts';
import { isResource, lackingIn, type Resource } from './lacking.ts';
import { applicationPath, planOf, principalPath, resetScopeId, type Step } from './plan.ts';
import { filled, type Hole, type Json } from './template.ts';

export interface RunDeps {
  readonly fetch: typeof fetch;
  readonly token: Secret;
  /** Origin of Graph; default: the cloud's. */
  readonly graph?: string;
  readonly sleep: (ms: number) => Promise<void>;
  /** Told of each step when it is over. */
  readonly told: (line: StepResult) => void;
}

export interface StepResult {
  readonly title: string;
  /** `completed`: it was there and lacked something. */
  readonly outcome: 'made' | 'completed' | 'was there' | 'refused';
  /** Of a refusal: Graph's code and sentence. */
  readonly why?: string;
  readonly part: 'registration' | 'consent' | 'role';
}

/** Graph's answer when it is not what was hoped for. */
export class GraphRefusal extends Error {
  override readonly name = 'GraphRefusal';
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Ids that are known in the end, and whether something was refused. */
export interface RunResult {
  readonly ids: Readonly<Partial<Record<Hole, string>>>;
  readonly refused: readonly StepResult[];
}

/**
 * Takes every step. Consent and role may be refused and the rest goes on; nothing can follow a registration that failed.
 * @throws GraphRefusal when a registration or service principal can't be made, or when its name is not unique
 */
export async function runPlan(choices: Choices, deps: RunDeps): Promise<RunResult> {
  const graph = caller(deps, deps.graph ?? clouds[choices.cloud].graph);
  const ids: Partial<Record<Hole, string>> = {};
  const refused: StepResult[] = [];
  const fresh = { value: false };
  for (const step of planOf(choices)) {
    const part = step.kind === 'ensure' ? step.part : 'registration';
    try {
      const outcome = await take(step, graph, ids, fresh);
      deps.told({ title: step.title, outcome, part });
    } catch (error) {
      if (!(error instanceof GraphRefusal) || part === 'registration') throw error;
      const result: StepResult = { title: step.title, outcome: 'refused', why: error.message, part };
      refused.push(result);
      deps.told(result);
    }
  }
  return { ids, refused };
}

/** A client secret for the connector, valid for a year; Graph shows it this once. @throws GraphRefusal */
export async function makeSecret(choices: Choices, connectorObject: string, deps: RunDeps): Promise<Secret> {
  const graph = caller(deps, deps.graph ?? clouds[choices.cloud].graph);
  const body = { passwordCredential: { displayName: `${choices.name} connector` } };
  const made = await graph('POST', `/v1.0/applications/${connectorObject}/addPassword`, body);
  if (typeof made?.secretText !== 'string') throw new GraphRefusal(200, 'Graph made a secret and did not show it.');
  return new Secret(made.secretText);
}

type Graph = (
  method: string,
  path: string,
  body?: Json,
  options?: { prefer?: boolean; patient?: boolean },
) => Promise<Resource | undefined>;

/** Waits of a call whose object was made a moment ago and is not everywhere yet, in milliseconds. */
const patience = [1000, 2000, 4000, 8000, 15_000];

function caller({ fetch, token, sleep }: RunDeps, origin: string): Graph {
  return async (method, path, body, { prefer = false, patient = false } = {}) => {
    for (let attempt = 0; ; attempt += 1) {
      const { answer, text } = await reading(origin, () =>
        fetch(origin + path, {
          method,
          headers: {
            authorization: `Bearer ${token.reveal()}`,
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
            ...(prefer ? { prefer: 'create-if-missing' } : {}),
          },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
          signal: AbortSignal.timeout(30_000),
          redirect: 'error',
        }),
      );
      if (answer.ok) return text === '' ? undefined : (JSON.parse(text) as Resource);
      const wait = patience[attempt];
      const busy = answer.status === 429 || answer.status === 503 || answer.status === 504;
      if (wait === undefined || !(busy || (patient && (answer.status === 404 || answer.status === 400)))) {
        throw refusal(answer.status, text);
      }
      const asked = Number(answer.headers.get('retry-after'));
      await sleep(busy && asked > 0 ? Math.min(asked, 60) * 1000 : wait);
    }
  };
}

/** The answer with its body. Whether a lost one was done is found out by the next run. @throws GraphRefusal, status 0 */
async function reading(origin: string, request: () => Promise<Response>): Promise<{ answer: Response; text: string }> {
  try {
    const answer = await request();
    return { answer, text: await answer.text() };
  } catch (error) {
    const { name, cause } = error as { name?: string; cause?: { code?: string } };
    throw new GraphRefusal(0, `${new URL(origin).host} did not answer (${cause?.code ?? name}).`);
  }
}

function refusal(status: number, text: string): GraphRefusal {
  try {
    const { error } = JSON.parse(text) as { error?: { code?: unknown; message?: unknown } };
    if (typeof error?.message === 'string') {
      return new GraphRefusal(status, `${status} ${String(error.code)}: ${error.message.slice(0, 300)}`);
    }
  } catch {
    // Not Graph's own words: a gateway's page says nothing that helps.
  }
  return new GraphRefusal(status, `Graph answered ${status}.`);
}

const shown = [
  ...['id', 'appId', 'uniqueName', 'displayName', 'groupMembershipClaims', 'optionalClaims', 'api', 'spa', 'web'],
  ...['requiredResourceAccess', 'identifierUris', 'keyCredentials'],
];

async function take(step: Step, graph: Graph, ids: Partial<Record<Hole, string>>, fresh: { value: boolean }) {
  if (step.kind === 'ensure') return ensure(step, graph, ids, fresh.value);
  const body = step.body === undefined ? undefined : fill(step.body, ids);
  const path = step.kind === 'application' ? applicationPath(step.which) : principalPath(filled(step.appId, ids));
  // A certificate's bytes are shown only to who asks for them by name.
  const query = step.kind === 'application' ? `?$select=${shown.join(',')}` : '';
  let found = await absentAs404(graph('GET', path + query));
  if (!found && step.kind === 'application' && body)
    found = await byDisplayName(graph, String(body.displayName), query);
  let outcome: StepResult['outcome'] = 'was there';
  if (!found) {
    if (!body) throw new GraphRefusal(404, 'Microsoft Graph is not in this tenant.');
    // The service principal of an application that was made a moment ago.
    const made = await graph('PATCH', path, body, { prefer: true, patient: step.kind === 'principal' && fresh.value });
    fresh.value = true;
    outcome = 'made';
    found = made ?? (await graph('GET', path, undefined, { patient: true }));
  } else if (step.kind === 'application' && body) {
    const lacking = lackingIn(found, withOwnScope(found, body));
    if (Object.keys(lacking).length > 0) {
      await graph('PATCH', `/v1.0/applications/${String(found.id)}`, lacking);
      outcome = 'completed';
    }
  }
  for (const [property, name] of Object.entries(step.learn)) {
    const value = found?.[property];
    if (typeof value !== 'string') throw new GraphRefusal(200, `Graph's answer holds no ${property}.`);
    ids[name] = value;
  }
  return outcome;
}

async function absentAs404(asked: Promise<Resource | undefined>): Promise<Resource | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof GraphRefusal && error.status === 404) return undefined;
    throw error;
  }
}

/** A registration that was made by hand has no unique name. Two of one name: nobody can know which is meant. */
async function byDisplayName(graph: Graph, name: string, query: string): Promise<Resource | undefined> {
  const filter = encodeURIComponent(`displayName eq '${name.replace(/'/g, "''")}'`);
  const all = await listed(graph, `/v1.0/applications?$filter=${filter}`);
  const found = all.filter(({ uniqueName }) => uniqueName === undefined || uniqueName === null);
  if (found.length > 1) {
    throw new GraphRefusal(
      409,
      `There are ${found.length} registrations called “${name}”: delete all but one, or use --name.`,
    );
  }
  return found[0] && (await graph('GET', `/v1.0/applications/${String(found[0].id)}${query}`));
}

async function ensure(
  step: Extract<Step, { kind: 'ensure' }>,
  graph: Graph,
  ids: Partial<Record<Hole, string>>,
  patient: boolean,
): Promise<StepResult['outcome']> {
  const match = fill(step.match, ids);
  const has = (one: Resource) => Object.entries(match).every(([name, value]) => one[name] === value);
  const found = (await listed(graph, filled(step.list, ids))).find(has);
  if (!found) {
    await graph('POST', filled(step.path, ids), fill(step.body, ids), { patient });
    return 'made';
  }
  if (!step.update) return 'was there';
  const given = String(found.scope ?? '')
    .split(' ')
    .filter((scope) => scope !== '');
  const missing = step.update.scope.filter((scope) => !given.includes(scope));
  if (missing.length === 0) return 'was there';
  await graph('PATCH', `${step.update.path}${String(found.id)}`, { scope: [...given, ...missing].join(' ') });
  return 'completed';
}

/** All of a list, page by page. */
async function listed(graph: Graph, path: string): Promise<Resource[]> {
  const all: Resource[] = [];
  let next: string | undefined = path;
  while (next !== undefined) {
    const answer: Resource | undefined = await graph('GET', next);
    if (Array.isArray(answer?.value)) all.push(...answer.value.filter(isResource));
    const link: Json | undefined = answer?.['@odata.nextLink'];
    // Of the link only the path: the token goes to one origin alone.
    const url = typeof link === 'string' ? URL.parse(link) : null;
    next = url ? url.pathname + url.search : undefined;
  }
  return all;
}

function fill<T extends Json>(value: T, ids: Partial<Record<Hole, string>>): T {
  if (typeof value === 'string') return filled(value, ids) as T;
  if (Array.isArray(value)) return value.map((one: Json) => fill(one, ids)) as Json as T;
  if (!isResource(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, fill(one, ids)])) as Json as T;
}

/** The wanted form with the id that a scope of this name has already: Entra refuses to change an enabled scope's id. */
function withOwnScope(found: Resource, wanted: Resource): Resource {
  const scopes = isResource(found.api) ? found.api.oauth2PermissionScopes : undefined;
  const own = Array.isArray(scopes) ? scopes.filter(isResource).find(({ value }) => value === apiScope)?.id : undefined;
  if (typeof own !== 'string' || own === resetScopeId) return wanted;
  return JSON.parse(JSON.stringify(wanted).replaceAll(resetScopeId, own)) as Resource;
}
