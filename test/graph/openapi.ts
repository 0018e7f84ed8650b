// Judges recorded requests and answers by an OpenAPI description: Microsoft's own, cut to what this product serves, where
// that file is at hand (its paths have no /v1.0).

import { readFile } from 'node:fs/promises';
import { Ajv, type ValidateFunction } from 'ajv';
import formats from 'ajv-formats';

/** What OpenAPI 3.0 says, as far as it is looked at. */
export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Operation {
  readonly requestBody?: { readonly required?: boolean; readonly content: Content };
  readonly responses?: Readonly<Record<string, { readonly content?: Content }>>;
}

type Content = Readonly<Record<string, { readonly schema: object }>>;

export interface Judge {
  /** Does the description have this operation? What it does not have is complained of. */
  knows(method: string, path: string): boolean;
  /** What is wrong with the body of a request. @param path with or without /v1.0 and a query @param body parsed */
  request(method: string, path: string, body: unknown): string[];
  /** What is wrong with an answer. @param body parsed JSON, the text of a text/plain one, undefined for none */
  answer(method: string, path: string, status: number, body?: unknown): string[];
}

/** Where the service itself does not do what its description says. */
const exceptions: readonly { readonly at: RegExp; readonly keyword: string; readonly because: string }[] = [
  {
    at: /\/passwordProfile$|\/employeeOrgData$|\/onPremisesExtensionAttributes$/,
    keyword: 'type',
    because: 'These are null when nothing is to be read; a $ref of OpenAPI 3.0 cannot be nullable beside it.',
  },
  {
    at: /\/innerError\/date$/,
    keyword: 'pattern',
    because: 'The time of an error has no zone on the wire.',
  },
  {
    at: /\/innerError\/date$/,
    keyword: 'format',
    because: 'The time of an error has no zone on the wire.',
  },
];

const slice = new URL('../../../shared/data/graph-v1-slice.strict.json', import.meta.url);

/** The judge by Microsoft's description; undefined when it is not at hand: say so and skip. */
export async function openApiJudge(): Promise<Judge | undefined> {
  let text: string;
  try {
    text = await readFile(slice, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return judgeOf(JSON.parse(text));
}

/** The judge by a description. */
export function judgeOf(description: OpenApi): Judge {
  // The description is data: what is no JSON Schema in it is passed over.
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: true });
  formats.default(ajv);
  ajv.addFormat('base64url', /^[A-Za-z0-9_-]*={0,2}$/);
  ajv.addSchema(description, 'slice');
  const compiled = new Map<string, ValidateFunction>();
  const validator = (pointer: string): ValidateFunction => {
    const known = compiled.get(pointer) ?? ajv.compile({ $ref: `slice#${pointer}` });
    compiled.set(pointer, known);
    return known;
  };
  const find = (method: string, path: string) => {
    const template = templateOf(description, path);
    const operation = template === undefined ? undefined : description.paths[template]?.[method.toLowerCase()];
    return operation && template !== undefined
      ? { operation, at: ['paths', template, method.toLowerCase()] }
      : undefined;
  };
  const unknown = (method: string, path: string) => [`${method} ${path} is not described.`];

  const judged = (content: Content, at: readonly string[], body: unknown): string[] => {
    const json = content['application/json'];
    const type = json ? 'application/json' : Object.keys(content)[0];
    if (type === undefined) return [];
    const validate = validator(pointerOf([...at, 'content', type, 'schema']));
    if (validate(body)) return [];
    return (validate.errors ?? [])
      .filter(
        (error) =>
          !exceptions.some(({ at: place, keyword }) => place.test(error.instancePath) && keyword === error.keyword),
      )
      .map((error) => `${error.instancePath || '/'} ${error.message} ${JSON.stringify(error.params)}`);
  };

  return {
    knows: (method, path) => find(method, path) !== undefined,

    request(method, path, body) {
      const found = find(method, path);
      if (!found) return unknown(method, path);
      const { requestBody } = found.operation;
      if (!requestBody) return body === undefined ? [] : ['There is a body, and none is described.'];
      if (body === undefined) return requestBody.required ? ['The body is missing.'] : [];
      const spelled = path.endsWith('/sendMail') ? asDescribed(body) : body;
      return judged(requestBody.content, [...found.at, 'requestBody'], spelled);
    },

    answer(method, path, status, body) {
      const found = find(method, path);
      if (!found) return unknown(method, path);
      const { responses = {} } = found.operation;
      const code = [String(status), `${Math.trunc(status / 100)}XX`].find((one) => one in responses);
      if (code === undefined) return [`The status ${status} is not described.`];
      const content = responses[code]?.content;
      if (!content) return body === undefined || body === '' ? [] : ['There is a body, and none is described.'];
      return judged(content, [...found.at, 'responses', code], body);
    },
  };
}

/** The described path that fits best: the one with the fewest parameters. */
function templateOf({ paths }: OpenApi, path: string): string | undefined {
  const segments = (path.split('?')[0] ?? '').replace(/^\/v1\.0(?=\/|$)/, '').split('/');
  const fits = (template: string) => {
    const parts = template.split('/');
    return (
      parts.length === segments.length &&
      parts.every(
        (part, at) => part.startsWith('{') || part.toLowerCase() === decoded(segments[at] ?? '').toLowerCase(),
      )
    );
  };
  const parameters = (template: string) => template.split('{').length;
  return Object.keys(paths)
    .filter(fits)
    .sort((a, b) => parameters(a) - parameters(b))[0];
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function pointerOf(steps: readonly string[]): string {
  return steps.map((step) => `/${encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1'))}`).join('');
}

/** The description begins the parameters of an action with a capital letter; the service and its clients do not. */
function asDescribed(body: unknown): unknown {
  if (typeof body !== 'object' || body === null) return body;
  const capital = (name: string) => name.replace(/^[a-z]/, (letter) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(body).map(([name, value]) => [capital(name), value]));
}
