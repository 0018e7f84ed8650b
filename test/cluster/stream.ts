// A client of an event stream, as the dialog is one: it comes back by itself, through the balancer, with the id of the last
// event that it has seen (HTML Living Standard, server-sent events).

import type { ClientRequest } from 'node:http';
import { request } from 'node:https';
import type { Reset } from '#shared/api.ts';
import type { Cluster, Name } from './cluster.ts';
import { bearerOf, optionsOf, pause } from './people.ts';

export interface Followed {
  readonly events: {
    readonly id: number;
    readonly reset: Reset;
    /** The Last-Event-ID of the connection that it came on. */
    readonly after: number | undefined;
  }[];
  /** Who has served each connection. */
  readonly servedBy: string[];
  /** How often it was said that somebody is still there. */
  readonly beats: number;
  [Symbol.asyncDispose](): Promise<void>;
}

/** @param to this very connector only */
export function follow(cluster: Cluster, id: string, to?: Name): Followed {
  const events: Followed['events'] = [];
  const servedBy: string[] = [];
  let beats = 0;
  let over = false;
  let current: ClientRequest | undefined;

  function connect(): Promise<void> {
    const after = events.at(-1)?.id;
    const headers = {
      ...bearerOf(cluster.settled.admins[0]),
      accept: 'text/event-stream',
      ...(after === undefined ? {} : { 'last-event-id': String(after) }),
      ...(to === undefined ? {} : { 'x-to': to }),
    };
    return new Promise((resolve) => {
      const outgoing = request(optionsOf(cluster, 'GET', `/api/resets/${id}/events`, headers), (incoming) => {
        if (incoming.statusCode === 200) servedBy.push(String(incoming.headers['x-served-by']));
        let text = '';
        incoming.setEncoding('utf8');
        incoming.on('data', (chunk: string) => {
          text += chunk;
          const blocks = text.split('\n\n');
          text = blocks.pop() ?? '';
          for (const block of incoming.statusCode === 200 ? blocks : []) {
            if (block.startsWith(':')) beats++;
            const [, seq, data] = /^id: (\d+)\nevent: reset\ndata: (.*)$/.exec(block) ?? [];
            if (data !== undefined) events.push({ id: Number(seq), reset: JSON.parse(data) as Reset, after });
          }
        });
        incoming.on('error', () => {}).on('close', resolve);
      });
      current = outgoing;
      outgoing.on('error', () => resolve());
      outgoing.end();
    });
  }

  const running = (async () => {
    for (; !over; await pause(100)) await connect();
  })();
  return {
    ...{ events, servedBy },
    get beats() {
      return beats;
    },
    async [Symbol.asyncDispose]() {
      over = true;
      current?.destroy();
      await running;
    },
  };
}
