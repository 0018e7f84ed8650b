// The ways in which Microsoft Graph and Entra's login go wrong, for the fault proxy. Error bodies are those of the service:
// `innerError.date` without a zone, `error_codes` as numbers.

import { randomUUID } from 'node:crypto';
import { type Answer, type Asked, bodyOf, type Fate, type Fault, jsonAnswer } from './fault-proxy.ts';

/** Seconds, a date, or nothing at all: RFC 9110 §10.2.3 knows the first two, some services send neither. */
export type RetryAfter = number | Date | undefined;

function retryHeader(after: RetryAfter): Answer['headers'] {
  if (after === undefined) return {};
  return { 'retry-after': typeof after === 'number' ? String(after) : after.toUTCString() };
}

/** An error as Graph answers it. */
export function graphError(asked: Asked, status: number, code: string, message: string, headers = {}): Answer {
  const id = randomUUID();
  const innerError = {
    date: new Date().toISOString().slice(0, 19),
    'request-id': id,
    'client-request-id': String(asked.headers['client-request-id'] ?? id),
  };
  return jsonAnswer(status, { error: { code, message, innerError } }, { 'request-id': id, ...headers });
}

/** An error as Entra's token endpoint answers it (RFC 6749 §5.2 with Microsoft's additions). */
export function tokenError(
  error: string,
  code: number,
  description: string,
  more: Readonly<Record<string, unknown>> = {},
  status = 400,
): Answer {
  const body = {
    error,
    error_description: `AADSTS${code}: ${description}`,
    error_codes: [code],
    timestamp: `${new Date().toISOString().slice(0, 19).replace('T', ' ')}Z`,
    trace_id: randomUUID(),
    correlation_id: randomUUID(),
    error_uri: `https://login.microsoftonline.com/error?code=${code}`,
    ...more,
  };
  return jsonAnswer(status, body, { 'cache-control': 'no-store' });
}

function answering(name: string, answer: (asked: Asked) => Fate): Fault {
  return { name, meet: async (asked) => answer(asked) };
}

/** Changes the upstream's JSON answer; undefined leaves it as it is. */
function editing(name: string, edit: (body: unknown, answer: Answer, asked: Asked) => Answer | undefined): Fault {
  return {
    name,
    async meet(asked, forward) {
      const answer = await forward();
      return edit(bodyOf(answer).body, answer, asked);
    },
  };
}

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const faults = {
  /** Right, but late; milliseconds. */
  latency: (ms: number): Fault => ({
    name: 'latency',
    async meet(_, forward) {
      await new Promise((resolve) => setTimeout(resolve, ms));
      return forward();
    },
  }),
  throttled: (after?: RetryAfter): Fault =>
    answering('throttled', (asked) =>
      graphError(asked, 429, 'TooManyRequests', 'Too many requests.', {
        ...retryHeader(after),
        'x-ms-throttle-scope': 'Tenant_Application/ReadWrite',
      }),
    ),
  unavailable: (after?: RetryAfter): Fault =>
    answering('unavailable', (asked) =>
      graphError(asked, 503, 'serviceNotAvailable', 'The service is unavailable.', retryHeader(after)),
    ),
  serverError: (status = 500): Fault =>
    answering('serverError', (asked) => graphError(asked, status, 'InternalServerError', 'Internal server error.')),
  /** The connection is cut, and the upstream was never asked. */
  dropped: (): Fault => answering('dropped', () => 'drop'),
  /** Nothing comes, and the upstream was never asked. */
  silent: (): Fault => answering('silent', () => 'hang'),
  /** The upstream has done it; the answer is lost. */
  committedThenDropped: (): Fault => ({
    name: 'committedThenDropped',
    async meet(_, forward) {
      await forward();
      return 'drop';
    },
  }),
  /** The upstream has done it; nothing comes back until the client gives up. */
  committedThenSilent: (): Fault => ({
    name: 'committedThenSilent',
    async meet(_, forward) {
      await forward();
      return 'hang';
    },
  }),
  /** The upstream has done it; a gateway answers 504 in its place. */
  committedThenTimedOut: (): Fault => ({
    name: 'committedThenTimedOut',
    async meet(asked, forward) {
      await forward();
      return graphError(asked, 504, 'gatewayTimeout', 'The gateway timed out.');
    },
  }),

  /** 401 with a claims challenge of continuous access evaluation; `claims` is JSON, sent as base64. */
  insufficientClaims: (claims: string): Fault =>
    answering('insufficientClaims', (asked) =>
      graphError(
        asked,
        401,
        'InvalidAuthenticationToken',
        'Continuous access evaluation resulted in challenge with result: InteractionRequired and code: TokenIssuedBeforeRevocationTimestamp',
        {
          'www-authenticate': `Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", error="insufficient_claims", claims="${Buffer.from(claims).toString('base64')}"`,
        },
      ),
    ),
  /** At the token endpoint: multi-factor authentication is needed (50076); `claims` is JSON. */
  interactionRequired: (claims: string, code: 50076 | 50079 = 50076): Fault =>
    answering('interactionRequired', () =>
      tokenError(
        'interaction_required',
        code,
        'Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access the resource.',
        { suberror: 'basic_action', claims },
      ),
    ),
  /** At the token endpoint: the grant is no good any more (50173: revoked, 70008: too old, 65001: no consent). */
  invalidGrant: (code: number, description = 'The provided grant has expired or was revoked.'): Fault =>
    answering('invalidGrant', () => tokenError('invalid_grant', code, description)),
  /** At the token endpoint: the connector's own secret or certificate is wrong (7000215) or too old (7000222). */
  invalidClient: (code = 7000215, description = 'Invalid client secret provided.'): Fault =>
    answering('invalidClient', () => tokenError('invalid_client', code, description, {}, 401)),

  denied: (): Fault =>
    answering('denied', (asked) =>
      graphError(asked, 403, 'Authorization_RequestDenied', 'Insufficient privileges to complete the operation.'),
    ),
  notFound: (): Fault =>
    answering('notFound', (asked) => {
      const id = decodeURIComponent(asked.path.split('/')[3] ?? '');
      return graphError(
        asked,
        404,
        'Request_ResourceNotFound',
        `Resource '${id}' does not exist or one of its queried reference-property objects are not present.`,
      );
    }),
  tooWeak: (): Fault =>
    answering('tooWeak', (asked) =>
      graphError(
        asked,
        400,
        'Request_BadRequest',
        'The specified password does not comply with password complexity requirements. Please provide a different password.',
      ),
    ),
  /** What a cloud-only change of a synchronised person answers. */
  synchronised: (): Fault =>
    answering('synchronised', (asked) =>
      graphError(
        asked,
        400,
        'Request_BadRequest',
        'Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently undergoing migration.',
      ),
    ),
  /** Any other error of Graph. */
  graphError: (status: number, code: string, message: string): Fault =>
    answering('graphError', (asked) => graphError(asked, status, code, message)),

  /** Waits until it is let go; then as `end` says, which is asked nothing before. */
  held(until: Promise<unknown>, end: Fault): Fault {
    return {
      name: `held(${end.name})`,
      async meet(asked, forward) {
        await until;
        return end.meet(asked, forward);
      },
    };
  },
  /** The upstream has done it at once; its answer waits until it is let go, or is lost then. */
  committedThenHeld: (until: Promise<unknown>, then: 'answer' | 'drop'): Fault => ({
    name: 'committedThenHeld',
    async meet(_, forward) {
      const answer = await forward();
      await until;
      return then === 'drop' ? 'drop' : answer;
    },
  }),

  /** 202 with the address of an operation that the upstream knows nothing of; for POST …/resetPassword. */
  accepted: (): Fault =>
    answering('accepted', (asked) => {
      const [, , , person] = asked.path.split('/');
      const location = `https://${asked.headers.host}/v1.0/users/${person}/authentication/operations/${randomUUID()}`;
      return jsonAnswer(202, {}, { location });
    }),
  /** What such an operation has come to; for GET …/operations/{id}. */
  operation: (status: 'notStarted' | 'running' | 'failed', statusDetail?: string): Fault =>
    answering('operation', (asked) => {
      const at = new Date().toISOString();
      return jsonAnswer(200, {
        '@odata.context': `https://${asked.headers.host}/v1.0/$metadata#longRunningOperation`,
        ...{ id: asked.path.split('/').at(-1), status, createdDateTime: at, lastActionDateTime: at },
        ...(statusDetail === undefined ? {} : { statusDetail }),
      });
    }),

  /** 202 without the address of its operation; for POST …/resetPassword. */
  withoutLocation: (): Fault =>
    editing('withoutLocation', (_, answer) => {
      const { location: _location, ...headers } = answer.headers;
      return { ...answer, headers };
    }),
  /** The operation is still under way; for GET …/operations/{id}. */
  staysRunning: (): Fault =>
    editing('staysRunning', (body, answer) =>
      isObject(body) ? jsonAnswer(200, { ...body, status: 'running' }, answer.headers) : undefined,
    ),
  /** The operation has failed, with its reason; for GET …/operations/{id}. */
  operationFails: (statusDetail: string): Fault =>
    editing('operationFails', (body, answer) =>
      isObject(body) ? jsonAnswer(200, { ...body, status: 'failed', statusDetail }, answer.headers) : undefined,
    ),

  /**
   * Eventual consistency: for `reads` answers that would already be new, these properties of people (one, or a collection)
   * are still what they were when the fault first saw the person. Reads that show nothing new are not counted, so the match
   * wants `times: Infinity`.
   */
  stale(properties: readonly string[], reads: number): Fault {
    const seen = new Map<string, Json>();
    let left = reads;
    const old = (person: unknown): { person: unknown; changed: boolean } => {
      if (!isObject(person) || typeof person.id !== 'string') return { person, changed: false };
      const shown = properties.filter((name) => name in person);
      const first = seen.get(person.id) ?? {};
      seen.set(person.id, { ...Object.fromEntries(shown.map((name) => [name, person[name]])), ...first });
      const past = Object.fromEntries(shown.filter((name) => name in first).map((name) => [name, first[name]]));
      return {
        person: { ...person, ...past },
        changed: JSON.stringify({ ...person, ...past }) !== JSON.stringify(person),
      };
    };
    return editing('stale', (body, answer) => {
      if (left === 0 || !isObject(body)) return undefined;
      const people = Array.isArray(body.value) ? body.value.map(old) : [old(body)];
      if (!people.some(({ changed }) => changed)) return undefined;
      left -= 1;
      const [first] = people;
      const shown = Array.isArray(body.value) ? { ...body, value: people.map(({ person }) => person) } : first?.person;
      return jsonAnswer(answer.status, shown, answer.headers);
    });
  },
  /** Anything else: the upstream's answer, changed. */
  edited: (edit: (body: unknown, answer: Answer, asked: Asked) => Answer | undefined): Fault => editing('edited', edit),
  /** Several, one after the other: each request meets the next, then nothing more goes wrong. */
  inTurn(...each: readonly Fault[]): Fault {
    let turn = 0;
    return {
      name: `inTurn(${each.map(({ name }) => name).join(', ')})`,
      async meet(asked, forward) {
        const fault = each[turn];
        turn += 1;
        return fault?.meet(asked, forward);
      },
    };
  },
} as const;
