// revokeSignInSessions: ends a person's sessions and refresh tokens, and a Temporary Access Pass that was given out before.
// Access tokens that are out run to their end, within the hour, and no program gets another for one of them.

import type { FastifyInstance, FastifyRequest } from 'fastify';
import { record } from '../audit.ts';
import { wakeSubject } from '../jobs.ts';
import type { Tx, Work } from '../sql/sql.ts';
import { dropPass, endSessions } from '../store/credentials.ts';
import type { Stamp } from '../store/resource.ts';
import { userTypeOf } from '../store/user-resource.ts';
import { contentOf } from '../store/users.ts';
import { callerOf } from './access.ts';
import { authorise } from './authority.ts';
import { contextOf, type GraphDeps, stampOf } from './deps.ts';
import { badRequest } from './error.ts';
import { personIn, personOf, routePerson } from './person.ts';

const revokes = ['User.RevokeSessions.All', 'User.ReadWrite.All', 'Directory.ReadWrite.All'];

export function sessionRoutes(app: FastifyInstance, deps: GraphDeps): void {
  function* revoked(tx: Tx, request: FastifyRequest, by: Stamp): Work<void> {
    const access = callerOf(request);
    const tenant = access.tenant.id;
    const stored = yield* personOf(tx, tenant, personIn(request));
    const { id } = stored;
    // Everybody may sign themselves out everywhere.
    if (access.appOnly || access.oid !== id) yield* authorise(tx, access, 'revokeSessions', id);
    if (userTypeOf(contentOf(stored)) === 'Guest') {
      throw badRequest('The operation is not supported for guest users, who sign in at their own organisation.');
    }
    yield* endSessions(tx, tenant, id, by.at);
    yield* dropPass(tx, tenant, id, by);
    yield* record(tx, {
      tenant,
      at: by.at,
      actor: by.actor,
      client: by.client,
      action: 'sessions.revoked',
      target: `user:${id}`,
    });
    yield* wakeSubject(tx, tenant, id, by.at);
  }

  const graph = { delegated: revokes, application: revokes };
  routePerson(
    app,
    'POST',
    '/revokeSignInSessions',
    graph,
    async (request, reply) => {
      const by = stampOf(request, deps);
      await deps.sql.run((tx) => revoked(tx, request, by));
      return reply.send({ '@odata.context': contextOf(deps, 'Edm.Boolean'), value: true });
    },
    { delegated: [...revokes, 'User.ReadWrite'], application: revokes },
  );
}
