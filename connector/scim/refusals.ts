// Requests that no endpoint would see: methods that fastify has no routes for, and bodies in an encoding that is not read.

import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from '#shared/problem.ts';

const routed = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/**
 * Refuses PROPFIND, TRACE and their like with 405 and Allow, as the endpoints do it for the methods they know (RFC 9110
 * §15.5.6). To be called before the routes are added; the function that it returns, once the caller is known.
 */
export function refusals(app: FastifyInstance): (request: FastifyRequest) => void {
  const known: { segments: readonly string[]; allow: string }[] = [];
  app.addHook('onRoute', ({ url, config }) => {
    const allow = (config as { allow?: string } | undefined)?.allow;
    if (allow !== undefined) known.push({ segments: url.split('/'), allow });
  });
  return (request) => {
    const { 'content-encoding': encoding = 'identity' } = request.headers;
    if (encoding !== 'identity' && encoding !== '') throw new Problem('unsupportedMediaType');
    if (routed.has(request.method)) return;
    const path = (request.url.split(/[?#]/, 1)[0] ?? '').split('/');
    const fits = ({ segments }: { segments: readonly string[] }) =>
      segments.length === path.length && segments.every((one, at) => one === path[at] || one.startsWith(':'));
    const allow = known.find(fits)?.allow;
    throw allow === undefined ? new Problem('notFound') : new Problem('methodNotAllowed', { allow });
  };
}
