// Bodies that nobody reads: who asks before sending one (Expect: 100-continue, RFC 9110 §10.1.1) is told to go on when it
// is wanted, and a refusal does not wait for what has not come.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';

/** Has both done for every request of a server. */
export function leaveUnwantedBodies(app: FastifyInstance): void {
  app.server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    // Only an endpoint that its caller may use begins to read.
    request.once('resume', () => {
      if (!response.headersSent) response.writeContinue();
    });
    app.server.emit('request', request, response);
  });
  app.addHook('onSend', ({ raw }, reply, payload, done) => {
    if (reply.statusCode < 400 || raw.complete || !announcesBody(raw)) return done(null, payload);
    // What came along with the head is there after this turn.
    setImmediate(() => {
      // Else Node would read it to its end, a gigabyte as well, and keep the connection for that long.
      if (!raw.complete) reply.header('connection', 'close');
      done(null, payload);
    });
  });
}

function announcesBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}
