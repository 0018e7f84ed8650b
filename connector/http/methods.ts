// Wrong methods: a path that is known for others is 405 with Allow (RFC 9110 §15.5.6), not 404.

import type { FastifyInstance } from 'fastify';
import { Problem } from '#shared/problem.ts';

/** The doors that answer so by themselves, or whose errors are pages. */
const others = /^\/(scim|signin|v1\.0)(\/|$)/;

/** What is known of the paths of a server or of a door. */
export interface Paths {
  /** The methods that a URL has a route for, as Allow lists them; empty where there is no such path. */
  allow(url: string): string;
  /** The first segment of a URL at which no path goes on; undefined when only the end is missing. */
  unknownSegment(url: string): string | undefined;
}

/** Remembers the paths that are registered from here on, those whose URL `counts`. */
export function watchPaths(app: FastifyInstance, counts: (url: string) => boolean): Paths {
  /** Segments of a path, `:name` for any one → methods. */
  const known = new Map<string, Set<string>>();

  app.addHook('onRoute', ({ url, method }) => {
    if (!counts(url) || url.includes('*')) return;
    const methods = known.get(url) ?? new Set();
    known.set(url, methods);
    for (const name of [method].flat()) methods.add(name);
  });
  return {
    allow(url) {
      const path = pathOf(url);
      const allowed = new Set<string>();
      for (const [one, methods] of known) if (fits(one.split('/'), path)) for (const name of methods) allowed.add(name);
      return [...allowed].sort().join(', ');
    },
    unknownSegment(url) {
      const path = pathOf(url);
      const patterns = [...known.keys()].map((one) => one.split('/'));
      const lengths = path.map((_segment, at) => at + 1);
      const end = lengths.find((length) => {
        const start = path.slice(0, length);
        return !patterns.some((pattern) => fits(pattern.slice(0, length), start));
      });
      return end === undefined ? undefined : path[end - 1];
    },
  };
}

/**
 * Has every path that is registered from here on refuse the methods that it has no route for, in the form of its door
 * and with its headers.
 */
export function refuseOtherMethods(app: FastifyInstance): void {
  const paths = watchPaths(app, (url) => !others.test(url));
  // Not earlier: the door's own hooks have then set its headers, CORS above all.
  app.addHook('preHandler', (request, _reply, done) => {
    const allow = request.is404 ? paths.allow(request.url) : '';
    done(allow === '' ? undefined : new Problem('methodNotAllowed', { allow }));
  });
}

function pathOf(url: string): string[] {
  return (url.split(/[?#]/, 1)[0] ?? '').split('/');
}

function fits(pattern: readonly string[], path: readonly string[]): boolean {
  return (
    pattern.length === path.length &&
    pattern.every((segment, at) => (segment.startsWith(':') ? path[at] !== '' : segment === path[at]))
  );
}
