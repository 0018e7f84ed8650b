// HTTP to a connector that may die at any moment: requests are made again until they are answered, as a page or a dialog
// would, and everything that goes over the wire is kept for the taint oracle.

import { Agent, request } from 'node:https';
import { createSecureContext } from 'node:tls';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** One request and what came back, as far as it came. */
export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly sent: string;
  readonly received: string;
}

export interface Wire {
  readonly exchanges: Exchange[];
  /** One try. Rejects when there is no whole answer. @param give: the client gives up after so many milliseconds */
  once(method: string, path: string, options?: Sending): Promise<Answer>;
  /** Until there is an answer that is not 503, or `until` has come. */
  ask(method: string, path: string, options?: Sending): Promise<Answer | undefined>;
  close(): void;
}

export interface Sending {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly giveUpAfter?: number;
}

/** Made once: who asks a process that is down is about to ask again. */
const secureContext = createSecureContext();
const pause = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

/**
 * @param host how the connector is called in public; it listens on loopback
 * @param isOver when nothing is asked again any more
 */
export function wire(port: number, host: string, isOver: () => boolean, keepAlive = true): Wire {
  const agent = new Agent({ keepAlive, maxSockets: 16 });
  const exchanges: Exchange[] = [];

  function once(method: string, path: string, { headers = {}, body, giveUpAfter }: Sending = {}): Promise<Answer> {
    const text = body === undefined ? '' : JSON.stringify(body);
    const all = {
      ...{ host, ...headers },
      ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
    };
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      const keep = (received: string) => {
        exchanges.push({ method, path, sent: `${path}\n${JSON.stringify(all)}\n${text}`, received });
      };
      const tls = { servername: 'localhost', rejectUnauthorized: false, secureContext };
      const options = { host: '127.0.0.1', port, method, path, headers: all, agent };
      const outgoing = request({ ...options, ...tls }, (incoming) => {
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('end', () => {
          const answer = Buffer.concat(chunks).toString('utf8');
          keep(`${JSON.stringify(incoming.headers)}\n${answer}`);
          if (incoming.complete) resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text: answer });
          else reject(new Error('cut off'));
        });
        incoming.on('error', reject);
      });
      outgoing.on('error', (error) => {
        keep(Buffer.concat(chunks).toString('utf8'));
        reject(error);
      });
      outgoing.setTimeout(20_000, () => outgoing.destroy(new Error('no answer')));
      if (giveUpAfter !== undefined) setTimeout(() => outgoing.destroy(new Error('given up')), giveUpAfter);
      outgoing.end(text);
    });
  }

  return {
    exchanges,
    once,
    async ask(method, path, options) {
      while (!isOver()) {
        const answer = await once(method, path, options).catch(() => undefined);
        if (answer && answer.status !== 503) return answer;
        await pause(75);
      }
      return undefined;
    },
    close: () => agent.destroy(),
  };
}
