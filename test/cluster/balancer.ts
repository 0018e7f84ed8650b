// A plain load balancer: ends TLS, asks each connector's /readyz, gives requests in turn to those that are ready, and tries
// nothing twice. Header `x-to` names a connector for a test that wants this very one; `x-served-by` says who it was.

import { request as ask, type ClientRequest } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';

export interface Target {
  readonly name: string;
  readonly port: number;
}

export interface Balancer {
  readonly port: number;
  /** Names of those that are ready. */
  readonly ready: ReadonlySet<string>;
  [Symbol.asyncDispose](): Promise<void>;
}

const often = 100;
/** Whoever says nothing for so long is not ready; milliseconds. */
const patience = 1500;

/** Starts it on a free port of loopback. */
export async function startBalancer(
  certificate: { readonly key: string; readonly cert: string },
  targets: readonly Target[],
): Promise<Balancer> {
  const ready = new Set<string>();
  const open = new Set<Socket>();
  const onward = new Map<string, Set<ClientRequest>>();
  let turn = 0;

  const checks = targets.map(({ name, port }) => {
    let timer: NodeJS.Timeout;
    const check = async () => {
      const signal = AbortSignal.timeout(patience);
      const answer = await fetch(`http://127.0.0.1:${port}/readyz`, { signal }).catch(() => undefined);
      if (answer?.ok) ready.add(name);
      // Whoever waits for one that does not answer is told so.
      else if (ready.delete(name)) for (const request of onward.get(name) ?? []) request.destroy();
      await answer?.arrayBuffer().catch(() => {});
      timer = setTimeout(check, often);
    };
    void check();
    return () => clearTimeout(timer);
  });

  const server = createServer(certificate, (incoming, outgoing) => {
    const { 'x-to': wanted, ...headers } = incoming.headers;
    const candidates = targets.filter(({ name }) => (wanted === undefined ? ready.has(name) : name === wanted));
    const target = candidates[turn++ % Math.max(1, candidates.length)];
    if (!target) return void outgoing.writeHead(503).end();
    const { method, url: path } = incoming;
    const request = ask(
      {
        ...{ host: '127.0.0.1', port: target.port, method, path, agent: false },
        headers: { ...headers, 'x-forwarded-proto': 'https', 'x-forwarded-for': '192.0.2.7' },
      },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, { ...answer.headers, 'x-served-by': target.name });
        answer.on('error', () => outgoing.destroy());
        answer.on('close', () => (answer.complete ? undefined : outgoing.destroy()));
        answer.pipe(outgoing);
      },
    );
    const own = onward.get(target.name) ?? new Set();
    if (wanted === undefined) onward.set(target.name, own.add(request));
    request.on('close', () => own.delete(request));
    request.on('error', ({ message }) => {
      if (outgoing.headersSent) outgoing.destroy();
      else outgoing.writeHead(502, { 'x-served-by': target.name }).end(`${target.name}: ${message}`);
    });
    outgoing.on('close', () => request.destroy());
    incoming.on('error', () => request.destroy());
    incoming.pipe(request);
  });
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    ready,
    async [Symbol.asyncDispose]() {
      for (const stop of checks) stop();
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
