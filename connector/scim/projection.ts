// `attributes` and `excludedAttributes` (RFC 7644 §3.9): which part of a resource is sent. `id` and `schemas` always are.

import { Problem } from '#shared/problem.ts';
import { parsePath } from '../filter/scim.ts';
import { locate, locateExtension, type ResourceType } from './attribute.ts';
import { isObject, type JsonObject } from './resource.ts';

/** Which part of a resource is sent. */
export interface Projection {
  /** Is anything of this top-level attribute sent? */
  readonly shows: (attribute: string) => boolean;
  /** Takes the resource's JSON text and gives what is sent of it. */
  readonly text: (text: string) => string;
  /** Did the request ask for particular attributes (RFC 7644 §3.5.2: then PATCH answers 200)? */
  readonly asked: boolean;
}

/** A way into the resource: `['name', 'givenName']`. */
type Steps = readonly string[];

/**
 * @param attributes, excluded comma lists of names in any case, with or without URN; unknown names select nothing
 * @throws Problem invalidValue when both are given (§3.9: mutually exclusive)
 */
export function projectionOf(
  type: ResourceType,
  attributes: string | undefined,
  excluded: string | undefined,
): Projection {
  const wanted = attributes?.trim() ? attributes : undefined;
  const unwanted = excluded?.trim() ? excluded : undefined;
  const hidden = hiddenIn(type);
  if (wanted === undefined && unwanted === undefined) {
    const text = (whole: string) => (hidden.length === 0 ? whole : without(whole, hidden));
    return { shows: () => true, text, asked: false };
  }
  if (wanted !== undefined && unwanted !== undefined) {
    throw new Problem('invalidValue', {
      field: 'attributes',
      reason: 'Give attributes or excludedAttributes, not both.',
    });
  }
  const ways = stepsOf(type, (wanted ?? unwanted) as string);
  const always = type.common.filter(({ returned }) => returned === 'always').map(({ name }) => name);
  const shows = (name: string) => {
    if (always.includes(name)) return true;
    const into = waysInto(ways, name);
    return unwanted === undefined ? into.length > 0 : !into.some((way) => way.length === 0);
  };
  const text = (whole: string) => {
    if (unwanted !== undefined) {
      return without(whole, [...hidden, ...ways.filter(([first]) => !always.includes(first ?? ''))]);
    }
    const resource = JSON.parse(whole) as JsonObject;
    const kept: JsonObject = {};
    for (const [name, value] of Object.entries(resource)) {
      const part = always.includes(name) ? value : keep(value, waysInto(ways, name));
      if (part !== undefined) kept[name] = part;
    }
    return JSON.stringify(kept);
  };
  return { shows, text, asked: wanted !== undefined };
}

const hiddenWays = new WeakMap<ResourceType, Steps[]>();

/** What is sent only when it is asked for (RFC 7643 §7 `returned`: request): an extension may have it. */
function hiddenIn(type: ResourceType): Steps[] {
  let ways = hiddenWays.get(type);
  if (!ways) {
    ways = type.extensions.flatMap(({ schema }) =>
      schema.attributes.filter(({ returned }) => returned === 'request').map(({ name }): Steps => [schema.id, name]),
    );
    hiddenWays.set(type, ways);
  }
  return ways;
}

function without(whole: string, ways: readonly Steps[]): string {
  const resource = JSON.parse(whole) as JsonObject;
  for (const way of ways) drop(resource, way);
  return JSON.stringify(resource);
}

function stepsOf(type: ResourceType, list: string): Steps[] {
  // Entra's collection of requests asks for emails[type eq "work"]: the attribute is shown, all of it.
  const names = list.replace(/\[[^\]]*\]/g, '').split(',');
  return names.flatMap((name): Steps[] => {
    let path: ReturnType<typeof parsePath>['attribute'];
    try {
      path = parsePath(name.trim(), () => undefined).attribute;
    } catch {
      return [];
    }
    const extension = locateExtension(type, path);
    if (extension) return [[extension.id]];
    const located = locate(type, path);
    if (!located) return [];
    const { container, attribute, sub } = located;
    return [[...(container ? [container] : []), attribute.name, ...(sub ? [sub.name] : [])]];
  });
}

function waysInto(ways: readonly Steps[], name: string): Steps[] {
  return ways.filter(([first]) => first === name).map(([, ...rest]) => rest);
}

/** What of a value lies on one of the ways; an empty way wants all of it. */
function keep(value: unknown, ways: readonly Steps[]): unknown {
  if (ways.length === 0) return undefined;
  if (ways.some((way) => way.length === 0)) return value;
  if (Array.isArray(value)) {
    const elements = value.map((element) => keep(element, ways)).filter((element) => element !== undefined);
    return elements.length > 0 ? elements : undefined;
  }
  if (!isObject(value)) return undefined;
  const kept: JsonObject = {};
  for (const [name, inner] of Object.entries(value)) {
    const part = keep(inner, waysInto(ways, name));
    if (part !== undefined) kept[name] = part;
  }
  return Object.keys(kept).length > 0 ? kept : undefined;
}

function drop(holder: unknown, [first, ...rest]: Steps): void {
  if (Array.isArray(holder)) for (const element of holder) drop(element, [first as string, ...rest]);
  if (!isObject(holder) || first === undefined) return;
  if (rest.length === 0) delete holder[first];
  else {
    drop(holder[first], rest);
    if (isObject(holder[first]) && Object.keys(holder[first]).length === 0) delete holder[first];
  }
}
