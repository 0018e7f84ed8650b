// What stands beside the resources' own endpoints: queries over all of them (RFC 7644 §3.4.2.1, §3.4.3), and /Me (§3.11).

import type { FastifyInstance } from 'fastify';
import { Problem } from '#shared/problem.ts';
import { type Door, endpoint, type Handler } from './door.ts';
import { answerQuery } from './query.ts';
import { queryOf, searchOf } from './request.ts';

export function rootEndpoints(app: FastifyInstance, door: Door): void {
  const { collections, callerOf } = door;
  endpoint(app, '/', {
    GET: async (request, reply) =>
      reply.send(await answerQuery(door, callerOf(request).tenant, '/', collections, queryOf(request))),
  });
  endpoint(app, '/.search', {
    POST: async (request, reply) =>
      reply.send(await answerQuery(door, callerOf(request).tenant, '/', collections, searchOf(request.body))),
  });
  // The credential of a program that syncs is nobody's: there is no resource that `/Me` could stand for, and §3.11 says
  // 501 for a service provider without this feature.
  const nobody: Handler = async () => {
    throw new Problem('notImplemented');
  };
  endpoint(app, '/Me', { GET: nobody, POST: nobody, PUT: nobody, PATCH: nobody, DELETE: nobody, OPTIONS: nobody });
}
