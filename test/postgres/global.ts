// One Postgres server for a whole run of Vitest, started when the first test asks for it and ended with the run: the
// main process has it, its workers ask for it over loopback, however many of them at once.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestProject } from 'vitest/node';
import { removeLeftOver } from '../set-up/left-over.mjs';
import { type PostgresServer, startPostgres } from './server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the port of the run's Postgres server is asked for. */
    readonly postgres: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  removeLeftOver();
  let started: Promise<PostgresServer> | undefined;
  const answers = createServer((_request, response) => {
    started ??= startPostgres();
    started.then(
      ({ port }) => response.end(String(port)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => answers.listen(0, '127.0.0.1', resolve));
  project.provide('postgres', `http://127.0.0.1:${(answers.address() as AddressInfo).port}/`);
  return async () => {
    answers.closeAllConnections();
    answers.close();
    const server = await started?.catch(() => undefined);
    await server?.[Symbol.asyncDispose]();
  };
}
