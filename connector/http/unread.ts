// Bodies that nobody reads: who asks before sending one (Expect: 100-continue, RFC 9110 §10.1.1) is told to go on when it
// is wanted, and a refusal does not wait for what has not come. It does not slam the door either (RFC 9112 §9.6): what is
// already on its way is taken in and forgotten, or else a reset would overtake the answer and nobody could read it.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';

/** How much of an unwanted body is taken in at most, for how long at most, and until nothing has come for how long. */
const most = { bytes: 16 * 1024 * 1024, milliseconds: 5000, quiet: 500 } as const;

/** Has all this done for every request of a server. */
export function leaveUnwantedBodies(app: FastifyInstance): void {
  app.server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    // Only an endpoint that its caller may use begins to read.
    request.once('resume', () => {
      if (!response.headersSent) response.writeContinue();
    });
    app.server.emit('request', request, response);
  });
  app.addHook('onSend', ({ raw }, reply, payload, done) => {
    const isRead = raw.complete || raw.readableEnded;
    if (reply.statusCode < 400 || isRead || !announcesBody(raw)) return done(null, payload);
    // What came along with the head is there after this turn.
    setImmediate(() => {
      if (raw.complete) return done(null, payload);
      // Else Node would read it to its end, a gigabyte as well, and keep the connection for that long.
      reply.header('connection', 'close');
      if (typeof payload !== 'string') return done(null, payload);
      // With its length the client has the whole answer before the connection ends.
      reply.header('content-length', Buffer.byteLength(payload));
      done(null, Readable.from(answerThenTakeIn(payload, raw)));
    });
  });
}

async function* answerThenTakeIn(payload: string, request: IncomingMessage): AsyncGenerator<string> {
  yield payload;
  await takeIn(request);
}

/** Reads and forgets what is left of a body, within bounds. */
function takeIn(request: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    let left: number = most.bytes;
    const end = () => {
      clearTimeout(whole);
      clearTimeout(quiet);
      request.off('data', take).pause();
      resolve();
    };
    const take = ({ length }: Buffer) => {
      left -= length;
      if (left < 0) end();
      else quiet.refresh();
    };
    const whole = setTimeout(end, most.milliseconds);
    const quiet = setTimeout(end, most.quiet);
    for (const event of ['end', 'close', 'error']) request.once(event, end);
    request.on('data', take).resume();
  });
}

/** Does a request say that it has content? */
export function announcesBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}
