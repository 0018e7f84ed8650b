// GET /me: the person behind the token, as GET /users/{id} answers.

import type { FastifyInstance } from 'fastify';
import { callerOf } from './access.ts';
import type { GraphDeps } from './deps.ts';
import { personIn } from './person.ts';
import { answerUser, rawQuery, userPermissions } from './user-view.ts';

export function meRoutes(app: FastifyInstance, deps: GraphDeps): void {
  app.get('/me', { config: { graph: userPermissions } }, async (request, reply) => {
    const text = await answerUser(deps, callerOf(request), personIn(request), rawQuery(request));
    return reply.type('application/json').send(text);
  });
}
