// Wrong methods: a path that is known for others is 405 with Allow (RFC 9110 §15.5.6), not 404.

import type { FastifyInstance } from 'fastify';
import { Problem } from '#shared/problem.ts';

/** The doors that answer so by themselves, or whose errors are pages. */
const others = /^\/(scim|signin)(\/|$)/;

/**
 * Has every path that is registered from here on refuse the methods that it has no route for, in the form of its door
 * and with its headers.
 */
export function refuseOtherMethods(app: FastifyInstance): void {
  /** Segments of a path, `:name` for any one → methods. */
  const known = new Map<string, Set<string>>();

  app.addHook('onRoute', ({ url, method }) => {
    if (others.test(url) || url.includes('*')) return;
    const methods = known.get(url) ?? new Set();
    known.set(url, methods);
    for (const name of [method].flat()) methods.add(name);
  });
  // Not earlier: the door's own hooks have then set its headers, CORS above all.
  app.addHook('preHandler', (request, _reply, done) => {
    if (!request.is404) return done();
    const path = (request.url.split(/[?#]/, 1)[0] ?? '').split('/');
    const allowed = new Set<string>();
    for (const [url, methods] of known) if (fits(url.split('/'), path)) for (const name of methods) allowed.add(name);
    const allow = [...allowed].sort().join(', ');
    done(allowed.size > 0 ? new Problem('methodNotAllowed', { allow }) : undefined);
  });
}

function fits(pattern: readonly string[], path: readonly string[]): boolean {
  return (
    pattern.length === path.length &&
    pattern.every((segment, at) => (segment.startsWith(':') ? path[at] !== '' : segment === path[at]))
  );
}
