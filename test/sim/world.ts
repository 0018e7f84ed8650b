// A whole world from one seed: connector processes on one disk, a mail server, a directory, people and their clocks, and
// everything that can go wrong between them. What happens is written down, so that a seed can be replayed and read.

import { createHash } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import type { Organization } from '../../connector/directory/directory.ts';
import { defaultPolicy } from '../../connector/tenant.ts';
import { type Account, type Manner, ScriptedDirectory } from './directory.ts';
import { Disk, type Files, torn } from './disk.ts';
import { beginning, everybody } from './ground.ts';
import { Loop, type Owner } from './loop.ts';
import { Machine } from './machine.ts';
import { Observer } from './observer.ts';
import { type Delivered, Post } from './post.ts';
import { type Random, seeded } from './random.ts';

export const minute = 60_000;
export const hour = 60 * minute;

/** Fails one I/O call, the `at`-th, in the `pick`-th of the ways in which it can fail. */
export interface Plan {
  readonly at: number;
  readonly pick: number;
}

export interface WorldOptions {
  readonly seed: string;
  /** Files of the ground, by whether the directory is elsewhere. */
  readonly ground: { readonly embedded: Buffer; readonly elsewhere: Buffer };
  readonly folder: string;
  /** Undefined: the embedded directory, on the connector's own database. */
  readonly directory?: Manner;
  /** How often a call fails: 0 … 1. */
  readonly rate?: number;
  readonly plan?: Plan;
  readonly wholeMails?: boolean;
  /** Processes on one database. */
  readonly machines?: number;
  readonly policy?: Partial<typeof defaultPolicy>;
}

export class World {
  readonly seed: string;
  readonly random: Random;
  /** What the connector draws. */
  readonly secrets: Random;
  readonly loop: Loop;
  readonly disk: Disk;
  readonly post: Post;
  readonly directory: ScriptedDirectory;
  readonly observer: Observer;
  readonly machines: (Machine | undefined)[] = [];
  /** Whoever is not a connector: never dies. */
  readonly outside: Owner = { alive: true, frozen: false };
  readonly elsewhere: boolean;
  readonly wholeMails: boolean;
  readonly patience = 40;
  /** A single process makes all its work itself: it need not look whether another has. */
  readonly lookAgain: number;
  readonly organization: Organization = { id: 'x', displayName: 'Contoso', verifiedDomains: ['contoso.example'] };
  /** Hashes of holders who have shown a right proof. */
  readonly provenHolders = new Set<string>();
  /** Everything that people or machines can read and that must hold no secret. */
  readonly sinks: string[] = [];
  /** Every value that nobody but the recipient may see. */
  readonly generated: string[] = [];
  readonly #options: WorldOptions;
  readonly #history: string[] = [];
  readonly #nicks = new Map<string, string>();
  readonly #readers: ((mail: Delivered) => void)[] = [];
  /** I/O calls so far. */
  calls = 0;
  faults = 0;
  kills = 0;
  /** How many ways the planned call could have failed in; 0: it did not come. */
  ways = 0;
  faultsOn = true;
  /** Processes were stopped or killed, clocks were set: two may have worked on one thing. */
  meddled = false;
  /** The planned fault, once it has struck. */
  struck: string | undefined;
  #booting = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.seed = options.seed;
    this.random = seeded(options.seed);
    this.secrets = this.random.fork('secrets');
    this.lookAgain = (options.machines ?? 1) > 1 ? 30 * minute : Number.POSITIVE_INFINITY;
    this.elsewhere = options.directory !== undefined;
    this.wholeMails = options.wholeMails ?? false;
    this.loop = new Loop(beginning, this.random.fork('schedule'));
    this.disk = new Disk(options.folder);
    this.post = new Post(this);
    this.loop.turns = () => (this.post.open > 0 ? 3 : 0);
    const plain: Manner = { records: true, history: false, lag: 0, skew: 0, onBehalf: false };
    this.directory = new ScriptedDirectory(this, options.directory ?? plain);
    this.observer = new Observer(this);
    for (const { id, tenant, name, displayName, home, roles, password } of everybody) {
      const last = { at: beginning - 30 * 24 * hour, by: { kind: 'unknown' as const } };
      const account: Account = {
        ...{ id, tenant, name, displayName, home, roles, last, enabled: true, deleted: false },
        ...{ passwords: [password], shown: [{ at: 0, last }] },
      };
      this.directory.accounts.set(id, account);
      this.#nicks.set(id, displayName);
      if (this.elsewhere) {
        this.observer.writes.set(id, [{ user: id, value: password, by: 'before', at: 0, hit: false }]);
      }
    }
  }

  /** Lays the ground and starts the processes. */
  async begin(): Promise<void> {
    const { ground, policy, machines = 1 } = this.#options;
    const path = this.disk.boot({ db: this.elsewhere ? ground.elsewhere : ground.embedded, wal: Buffer.alloc(0) });
    if (policy) {
      const db = new DatabaseSync(path);
      db.prepare('update tenant set policy = ?').run(JSON.stringify({ ...defaultPolicy, ...policy }));
      db.close();
    }
    for (let i = 0; i < machines; i++) await this.#settle(this.#boot(i, machines === 1));
  }

  #boot(index: number, alone: boolean): Promise<void> {
    this.note(`machine ${index} starts`);
    // A start is not itself a place of faults: what it does is done again by the next.
    this.#booting++;
    const machine = new Machine(this, `machine ${index}`);
    this.machines[index] = machine;
    this.observer.open(this.disk.path);
    return machine.start(alone).finally(() => {
      this.#booting--;
    });
  }

  /** Waits for a promise that needs the loop to go on. */
  async #settle(promise: Promise<unknown>): Promise<void> {
    let done = false;
    let failure: unknown;
    promise.then(
      () => {
        done = true;
      },
      (error) => {
        done = true;
        failure = error;
      },
    );
    while (!done && (await this.loop.step(this.loop.now + 10_000)));
    if (failure) throw failure;
  }

  /** A process that can be asked now. */
  anyMachine(): Machine | undefined {
    const running = this.machines.filter((machine) => machine?.alive);
    return running.length === 0 ? undefined : this.random.pick(running);
  }

  // -- what goes wrong

  /** Every I/O call announces itself, with the ways in which it can fail; undefined: it goes well. */
  io<K extends string>(machine: Machine | undefined, point: string, ways: readonly K[]): K | undefined {
    if (this.#booting > 0) return undefined;
    this.calls++;
    if (!this.faultsOn) return undefined;
    const { plan, rate = 0 } = this.#options;
    let way: K | undefined;
    if (plan) {
      if (this.calls !== plan.at) return undefined;
      this.ways = ways.length;
      way = ways[plan.pick];
    } else if (rate > 0 && this.random.chance(point.startsWith('sql') || point === 'commit' ? rate / 12 : rate)) {
      way = this.random.pick(ways);
    }
    if (way !== undefined) {
      this.faults++;
      this.struck = `${point}: ${way}`;
      this.note(`fault at call ${this.calls}, ${machine?.name ?? 'network'}, ${point}: ${way}`);
    }
    return way;
  }

  /** How long an answer takes, in milliseconds. */
  latency(): number {
    return this.random.chance(0.03) ? 500 + this.random.int(4_000) : 1 + this.random.int(60);
  }

  /** Ends a process as SIGKILL does. `files`: what it leaves; 'none': whatever lies on the disk. */
  kill(machine: Machine, files: Files | 'none'): void {
    if (!machine.alive) return;
    machine.alive = false;
    this.kills++;
    this.note(`${machine.name} is killed`);
    const index = this.machines.indexOf(machine);
    const others = this.machines.some((other) => other !== machine && other?.alive);
    const left = files === 'none' ? this.disk.take() : files;
    this.loop.after(this.outside, 50 + this.random.int(this.random.chance(0.1) ? 20 * minute : 5_000), () => {
      void machine.bury();
      // Another process goes on with the files as they are.
      if (!others && !this.machines.some((other) => other?.alive)) this.disk.boot(left);
      void this.#boot(index, (this.#options.machines ?? 1) === 1);
    });
  }

  /** The power goes during a commit. */
  tear(machine: Machine, before: Files, after: Files): void {
    const others = this.machines.some((other) => other !== machine && other?.alive);
    this.kill(machine, others ? after : torn(before, after, this.random));
  }

  committed(machine: Machine, touched: ReadonlySet<string>): void {
    this.observer.look(machine, touched);
  }

  // -- people

  /** When somebody lost their role, by person; by the true clock. */
  readonly demoted = new Map<string, number>();
  /** Wrong PINs that were answered as such, by link. */
  readonly wrongPins = new Map<string, number>();
  /** When a directory elsewhere was asked to set a password, by person. */
  readonly attempts = new Map<string, number[]>();

  /** Until when the directory throttles everything, and the mail server takes nothing; by the true clock. */
  directoryDownUntil = 0;
  mailDownUntil = 0;
  #connections: number[] = [];

  /** The mail server is spoken to: nobody hammers it. */
  connected(): void {
    const now = this.loop.now;
    this.#connections = [...this.#connections, now].filter((at) => at > now - hour);
    const most = 60 + 10 * this.observer.resets.size;
    if (this.#connections.length > most)
      this.observer.fail('promise', `the mail server was spoken to ${most} times within an hour`);
  }

  /** A directory elsewhere is asked to set a password: nobody hammers it. */
  attempt(user: string): void {
    const now = this.loop.now;
    const recent = [...(this.attempts.get(user) ?? []), now].filter((at) => at > now - hour);
    this.attempts.set(user, recent);
    const hastily = recent.filter((at) => at > now - minute).length;
    if (hastily > 12) this.observer.fail('promise', `the directory was asked ${hastily} times within a minute`);
    if (recent.length > 40)
      this.observer.fail('promise', `the directory was asked ${recent.length} times within an hour`);
  }

  /** PINs that were read out by phone, by reset. */
  readonly pins = new Map<string, string>();
  readonly #answers = new Map<string, string>();

  /** The policy of every organisation of this run. */
  policyOf(): typeof defaultPolicy {
    return { ...defaultPolicy, ...this.#options.policy };
  }

  /** A request was answered with a reset: the same key is answered with the same one. */
  accepted(key: string, id: string): void {
    const known = this.#answers.get(key);
    if (known !== undefined && known !== id)
      this.observer.fail('promise', `one key began ${this.nick(known)} and ${this.nick(id)}`);
    this.#answers.set(key, id);
  }

  /** Which reset a link belongs to. */
  resetOfLink(link: string): string | undefined {
    const hash = createHash('sha256').update(Buffer.from(link, 'base64url')).digest('base64url');
    return [...this.observer.resets.values()].find(({ row }) => row.link_hash === hash)?.row.id;
  }

  /** Told of each mail that the server has taken. */
  onMail(read: (mail: Delivered) => void): void {
    this.#readers.push(read);
  }

  arrived(mail: Delivered): void {
    this.note(`mail: the server keeps one for ${mail.to}`);
    for (const read of this.#readers) read(mail);
  }

  /** Somebody waits; milliseconds. */
  sleep(milliseconds: number): Promise<void> {
    return new Promise((resolve) => this.loop.after(this.outside, milliseconds, resolve));
  }

  /**
   * Somebody asks a connector over a network that may lose the question or the answer. Undefined: no answer came.
   * What the connector refuses is thrown.
   */
  ask<T>(call: (machine: Machine) => Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const forget = this.loop.after(this.outside, 120_000, () => resolve(undefined));
      const back = (give: () => void) =>
        void this.loop.after(this.outside, this.latency(), () => {
          forget();
          give();
        });
      this.loop.after(this.outside, this.latency(), () => {
        const machine = this.anyMachine();
        const fault = this.io(machine, 'network', ['question lost', 'answer lost']);
        if (!machine || fault === 'question lost') return;
        this.loop.after(machine, 0, () => {
          call(machine).then(
            (value) => fault === undefined && back(() => resolve(value)),
            (error: unknown) => fault === undefined && back(() => reject(error)),
          );
        });
      });
    });
  }

  /** A value by which a password was made useless. */
  scrambled(value: string): string {
    this.generated.push(value);
    return value;
  }

  // -- the record of a run

  logged(line: string): void {
    this.sinks.push(line);
    if (!line.includes('"level":"error"')) return;
    const { msg, err } = JSON.parse(line) as { msg: string; err?: { type: string; message: string } };
    // What was made to fail may be told; anything else is a mistake of ours.
    if (err && err.type !== 'Problem' && !/^a (statement|commit) failed/.test(err.message)) {
      this.observer.fail('promise', `the connector says: ${msg}: ${err.message.slice(0, 200)}`);
    }
  }

  note(text: string): void {
    const seconds = (this.loop.now - beginning) / 1000;
    this.#history.push(`${seconds.toFixed(3).padStart(12)}  ${text}`);
  }

  /** A short name for a reset or a person, in the order of appearance. */
  nick(id: string): string {
    let nick = this.#nicks.get(id);
    if (nick === undefined) {
      nick = `reset ${[...this.#nicks.values()].filter((name) => name.startsWith('reset ')).length + 1}`;
      this.#nicks.set(id, nick);
    }
    return nick;
  }

  nickOf(by: string): string {
    const [kind, id] = by.split(':');
    return id === undefined ? by : `${kind === 'reset' ? '' : `${kind} `}${this.nick(id)}`;
  }

  get history(): readonly string[] {
    return this.#history;
  }

  /** Two runs of one seed have the same. */
  get digest(): string {
    return createHash('sha256').update(this.#history.join('\n')).digest('base64url').slice(0, 22);
  }

  // -- to the end

  /** Nothing is broken yet, and something happens. */
  goesOn(): boolean {
    if (this.loop.turnsOnTheSpot) this.observer.fail('promise', 'the connector works without end, and no time passes');
    return this.observer.violations.length === 0;
  }

  /** Lets the world go on until the time or a violation. */
  async until(time: number): Promise<void> {
    while (this.goesOn() && this.loop.now < time && (await this.loop.step(time)));
  }

  /** Faults off, clocks right, whoever was stopped goes on; then so many hours. */
  async calm(hours = 48): Promise<void> {
    this.faultsOn = false;
    this.note('faults are switched off');
    for (const machine of this.machines) {
      if (!machine) continue;
      machine.frozen = false;
      machine.skew = 0;
    }
    await this.until(this.loop.now + hours * hour);
  }

  async end(): Promise<void> {
    this.outside.alive = false;
    for (const machine of this.machines) {
      if (!machine) continue;
      machine.alive = false;
      await machine.bury();
    }
    this.observer.close();
    this.disk.sweep();
  }
}
