// The one-time link's address, `/r`: the page, and the three things that it asks (link.ts). Only its own page may ask.

import type { FastifyInstance, FastifyRequest } from 'fastify';
import { parseAlarmRequest, parseDoneRequest, parseOpenRequest } from '#shared/link-open.ts';
import { Problem } from '#shared/problem.ts';
import { problemReply, readJsonBodies } from '../http/problem-json.ts';
import { alarmLink, finishLink, type LinkDeps, openLink, type Touched } from './link.ts';
import type { Watchers } from './watchers.ts';
import type { Worker } from './worker.ts';

export interface LinkDoorDeps extends LinkDeps {
  readonly watchers: Watchers;
  readonly worker: () => Worker;
  /** Origin under which the page is served. */
  readonly linkHost: string;
}

/** Refuses what did not come from the link page itself: Origin and, where the browser sends it, Sec-Fetch-Site. */
function fromOwnPage(request: FastifyRequest, origin: string): void {
  const { origin: given, 'sec-fetch-site': site } = request.headers;
  if (given !== origin || (site !== undefined && site !== 'same-origin')) throw new Problem('originRefused');
}

/** The plugin; mount it under `/r`, beside the page's own routes. */
export function linkDoor(deps: LinkDoorDeps) {
  return async (app: FastifyInstance): Promise<void> => {
    readJsonBodies(app);
    app.setErrorHandler(problemReply);
    app.addHook('onRequest', async (request, reply) => {
      reply.header('cache-control', 'no-store').header('referrer-policy', 'no-referrer');
      fromOwnPage(request, deps.linkHost);
    });
    const told = <T>(touched: Touched<T>): T => {
      deps.watchers.changed(touched.tenant, touched.person);
      deps.worker().wake();
      return touched.answer;
    };
    app.post<{ Params: { id: string } }>('/:id/open', async ({ params, body }) =>
      told(await openLink(deps, params.id, parseOpenRequest(body))),
    );
    app.post<{ Params: { id: string } }>('/:id/done', async ({ params, body }, reply) => {
      told(await finishLink(deps, params.id, parseDoneRequest(body)));
      return reply.code(204).send();
    });
    app.post<{ Params: { id: string } }>('/:id/alarm', async ({ params, body }, reply) => {
      told(await alarmLink(deps, params.id, parseAlarmRequest(body)));
      return reply.code(204).send();
    });
  };
}
