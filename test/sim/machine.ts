// One connector process of a simulation: the parts that connector.ts puts together for a reset's life, on a real SQLite
// file, with a clock that may be wrong. When it dies, nothing that it was doing comes to anything.

import { generatePassword } from '#shared/password.ts';
import type { Acting, DirectoryOf } from '../../connector/directory/directory.ts';
import { embeddedDirectory } from '../../connector/directory/embedded.ts';
import { type Logger, logger } from '../../connector/log.ts';
import { smtpMail } from '../../connector/mail/smtp.ts';
import type { DeskDeps } from '../../connector/resets/desk.ts';
import type { WalkDeps } from '../../connector/resets/lease.ts';
import type { LinkDeps } from '../../connector/resets/link.ts';
import { walk } from '../../connector/resets/walk.ts';
import { watchers } from '../../connector/resets/watchers.ts';
import { startWorker, type Worker } from '../../connector/resets/worker.ts';
import { keyring } from '../../connector/secret.ts';
import { breakLeases } from '../../connector/sql/serving.ts';
import type { Sql } from '../../connector/sql/sql.ts';
import { openSqlite } from '../../connector/sql/sqlite.ts';
import { hashing } from '../../connector/store/credentials.ts';
import { type Tenant, tenants } from '../../connector/tenant.ts';
import { noWitness } from '../../connector/witness/witness.ts';
import { syncCryptography } from './cryptography.ts';
import { linkHost, masterKey } from './ground.ts';
import type { Owner } from './loop.ts';
import { plainMail } from './plain-mail.ts';
import { quickArgon } from './quick-argon.ts';
import type { World } from './world.ts';

/** Where something may be stopped in the database: before a statement that changes something, and at a commit. */
const atStatement = ['kill', 'full', 'ioerr'] as const;
const atCommit = ['kill-before', 'kill-torn', 'kill-after', 'full'] as const;

const codes = { full: 13, ioerr: 10 } as const;

class Dead extends Error {
  override readonly name = 'Dead';
}

export class Machine implements Owner {
  alive = true;
  frozen = false;
  /** Of its clock against the right one, in milliseconds. */
  skew = 0;
  readonly name: string;
  readonly sql: Sql;
  readonly desk: DeskDeps;
  readonly link: LinkDeps;
  readonly log: Logger;
  readonly #world: World;
  readonly #raw: Sql;
  readonly #walkDeps: WalkDeps;
  #endsJob = false;
  #worker: Worker = { wake() {}, async stop() {} };
  /** The tables that the open transaction has changed. */
  #changed = new Set<string>();

  constructor(world: World, name: string) {
    this.#world = world;
    this.name = name;
    const now = () => this.now();
    const random = (bytes: number) => world.secrets.bytes(bytes);
    const scheduler = world.loop.scheduler(this);
    this.#raw = openSqlite(world.disk.path, {
      scheduler,
      beforeStatement: ({ kind, text }) => this.#statement(kind, text),
      commit: (commit) => this.#commit(commit),
    });
    this.sql = mortal(this.#raw, this);
    this.log = logger('info', { write: (line: string) => this.alive && world.logged(line) });
    const ring = keyring([masterKey], random);
    const all = tenants(this.sql);
    const quick = hashing({ concurrency: 2, waiting: 64, argon: quickArgon });
    const directoryOf: DirectoryOf = (tenant: Tenant, acting: Acting) =>
      tenant.directory === 'embedded'
        ? embeddedDirectory({ sql: this.sql, hashing: quick, random, now }, tenant)
        : world.directory.port(this, tenant.id, acting);
    const mail = smtpMail(new URL('smtp://127.0.0.1'), {
      ...{ now, scheduler, clientName: 'connector.example' },
      connect: () => world.post.connect(this),
    });
    const watching = watchers();
    const context = {
      ...{ sql: this.sql, tenants: all, keyring: ring, now, random, log: this.log, watchers: watching },
      ...{ cryptography: syncCryptography, scheduler },
    };
    this.#walkDeps = {
      ...context,
      ...{ directoryOf, mailOf: () => mail, scramblePassword: () => world.scrambled(generatePassword(random)) },
      patience: world.patience,
      witness: noWitness,
    };
    this.desk = {
      ...{ ...context, directoryOf, worker: () => this.#worker, linkHost, pinIterations: 1 },
      ...(world.wholeMails ? {} : { compose: plainMail }),
    };
    this.link = { sql: this.sql, tenants: all, cryptography: syncCryptography, now, signInUrl: () => linkHost };
    this.hashing = quick;
  }

  readonly hashing;

  /** The time by its own clock, in milliseconds since the epoch. */
  now(): number {
    return this.#world.loop.now + this.skew;
  }

  /** What `serve` does last. `alone`: it holds the serving lock, so that whoever had leased something is dead. */
  async start(alone: boolean): Promise<void> {
    if (alone) await breakLeases(this.sql, this.now());
    const scheduler = this.#world.loop.scheduler(this);
    this.#worker = startWorker({
      ...{ sql: this.sql, now: () => this.now(), scheduler, log: this.log, lookAgain: this.#world.lookAgain },
      walk: (job) => walk(this.#walkDeps, job),
    });
  }

  wake(): void {
    this.#worker.wake();
  }

  /** Gives the files back to the system; nothing of ours runs any more. */
  async bury(): Promise<void> {
    await this.#raw.close().catch(() => {});
  }

  #statement(kind: string, text: string): void {
    if (!this.alive) throw new Dead();
    if (kind !== 'run' && /^\s*select\b/i.test(text)) return;
    this.#changed.add(/(?:update|into|delete from)\s+(\w+)/i.exec(text)?.[1] ?? '');
    this.#endsJob ||= text.startsWith('delete from job');
    const fault = this.#world.io(this, `sql ${wordsOf(text)}`, atStatement);
    if (fault === undefined) return;
    if (fault === 'kill') {
      this.#world.kill(this, this.#world.disk.take());
      throw new Dead();
    }
    throw Object.assign(new Error(`a statement failed: ${fault}`), { errcode: codes[fault] });
  }

  #commit(commit: () => void): void {
    if (!this.alive) throw new Dead();
    const changed = this.#changed;
    if (changed.size === 0) {
      commit();
      return;
    }
    this.#changed = new Set();
    const fault = this.#world.io(this, 'commit', atCommit);
    if (fault === 'full') throw Object.assign(new Error('a commit failed: full'), { errcode: codes.full });
    if (fault === 'kill-before') {
      this.#world.kill(this, this.#world.disk.take());
      throw new Dead();
    }
    const before = fault === 'kill-torn' ? this.#world.disk.take() : undefined;
    commit();
    if (before) this.#world.tear(this, before, this.#world.disk.take());
    else if (fault === 'kill-after') this.#world.kill(this, this.#world.disk.take());
    else if (changed.size > 1 || !changed.has('job') || this.#endsJob) this.#world.committed(this, changed);
    this.#endsJob = false;
  }
}

const wordsOf = (text: string) => text.trim().split(/\s+/, 3).join(' ').slice(0, 40);

/** A database of a process that may die: what it was waiting for is then never answered. */
function mortal(sql: Sql, owner: Owner): Sql {
  const living = <T>(asked: Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      asked.then(
        (value) => owner.alive && resolve(value),
        (error) => owner.alive && reject(error),
      );
    });
  return {
    writers: sql.writers,
    run: (work) => living(sql.run(work)),
    read: (work) => living(sql.read(work)),
    get: (strings, ...values) => living(sql.get(strings, ...values)),
    all: (strings, ...values) => living(sql.all(strings, ...values)),
    close: () => sql.close(),
  };
}
