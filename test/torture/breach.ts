// Broken on purpose: what the connector would do if one of its rules did not hold. Only the torture's own tests switch a
// breach on, to show that it is noticed.

import type { Directory } from '../../connector/directory/directory.ts';
import type { Mail } from '../../connector/mail/mail.ts';
import { mailTransport } from '../../connector/mail/transports.ts';
import type { Sql, Tx, Work } from '../../connector/sql/sql.ts';
import type { Breach } from './plan.ts';

/** For as long as a promise that was given too early is not kept, in milliseconds. */
const early = 400;

class Undone extends Error {}

/** `acknowledged before the commit`: whoever saves a new reset is told so at once, and it is saved a moment later. */
export function breachedSql(sql: Sql, breach: Breach | undefined): Sql {
  if (breach === 'a cancelled reset goes on') return withoutCancelling(sql);
  if (breach !== 'acknowledged before the commit') return sql;
  return {
    ...sql,
    async run<T>(work: (tx: Tx) => Work<T>): Promise<T> {
      let begun = false;
      let value: T | undefined;
      const spied = function* (tx: Tx): Work<T> {
        const generator = work(tx);
        let step = generator.next();
        while (!step.done) {
          if (step.value.text.startsWith('insert into reset (')) begun = true;
          step = generator.next(yield step.value);
        }
        value = step.value;
        if (begun) throw new Undone();
        return step.value;
      };
      try {
        return await sql.run(spied);
      } catch (error) {
        if (!(error instanceof Undone)) throw error;
        setTimeout(() => sql.run(work).catch(() => {}), early);
        return value as T;
      }
    },
  };
}

/** `a cancelled reset goes on`: the admin is told that it is cancelled, and the row walks on. */
function withoutCancelling(sql: Sql): Sql {
  return {
    ...sql,
    run: <T>(work: (tx: Tx) => Work<T>) =>
      sql
        .run(function* (tx): Work<T> {
          const generator = work(tx);
          let cancelled = false;
          let step = generator.next();
          while (!step.done) {
            if (step.value.text.startsWith('insert into audit') && step.value.values[4] === 'reset.cancelled')
              cancelled = true;
            step = generator.next(yield step.value);
          }
          if (cancelled) throw Object.assign(new Undone(), { value: step.value });
          return step.value;
        })
        .catch((error: unknown) => {
          if (error instanceof Undone) return (error as Undone & { value: T }).value;
          throw error;
        }),
  };
}

/** `another password at each try`, `the password in a log line` */
export function breachedDirectory(real: Directory, breach: Breach | undefined): Directory {
  if (breach === 'another password at each try') {
    return {
      ...real,
      setPassword: (id, profile, operation, ...more) => {
        const password = operation.startsWith('reset:') ? `${profile.password}${Date.now() % 10}` : profile.password;
        return real.setPassword(id, { ...profile, password }, operation, ...more);
      },
    };
  }
  if (breach === 'the password in a log line') {
    return {
      ...real,
      setPassword: (id, profile, ...more) => {
        process.stdout.write(
          `${JSON.stringify({ level: 'debug', msg: Buffer.from(profile.password).toString('base64') })}\n`,
        );
        return real.setPassword(id, profile, ...more);
      },
    };
  }
  return real;
}

/** `another Message-ID at each try`, `a refused mail taken for sent`; nothing without a breach of mail. */
export function breachedMail(
  url: string,
  deps: { now: () => number; random: (bytes: number) => Uint8Array },
  breach: Breach | undefined,
): { mail?: Mail } {
  if (breach !== 'another Message-ID at each try' && breach !== 'a refused mail taken for sent') return {};
  const real = mailTransport(url, deps);
  return {
    mail: {
      ...real,
      async send(message) {
        if (breach === 'another Message-ID at each try') {
          const text = Buffer.from(message.bytes).toString('latin1');
          const other = text.replace(/^Message-ID: </im, `$&${Buffer.from(deps.random(4)).toString('hex')}`);
          return real.send({ ...message, bytes: Buffer.from(other, 'latin1') });
        }
        const outcome = await real.send(message);
        if (outcome.outcome === 'refused' || outcome.outcome === 'later') return { outcome: 'accepted', reply: '250' };
        return outcome;
      },
    },
  };
}
