// A directory elsewhere, as the port sees it: it answers late, refuses, throttles, commits and loses the answer, commits
// when nobody waits any more, knows a history of passwords, and shows what it holds only after a while.

import { Problem } from '#shared/problem.ts';
import type { Acting, Directory, Outcome, PasswordChange, User } from '../../connector/directory/directory.ts';
import { noStanding } from '../../connector/policy/roles.ts';
import { Secret } from '../../connector/secret.ts';
import type { Machine } from './machine.ts';
import type { World } from './world.ts';

export interface Account {
  readonly id: string;
  readonly tenant: string;
  name: string;
  readonly displayName: string;
  readonly home: string;
  enabled: boolean;
  deleted: boolean;
  roles: readonly string[];
  /** Values that it has had, the current one last. */
  readonly passwords: string[];
  last: PasswordChange | undefined;
  /** What it has shown before, with the time from which on it was so: for whoever looks at a stale copy. */
  readonly shown: { at: number; last: PasswordChange | undefined }[];
}

/** How this directory is: the same for a whole run. */
export interface Manner {
  /** Does it say which operation of ours made a change (the embedded one), or nothing (Graph)? */
  readonly records: boolean;
  /** Does it refuse a password that it has had before? */
  readonly history: boolean;
  /** A read may be so old, in milliseconds. */
  readonly lag: number;
  /** Its clock against ours, in milliseconds. */
  readonly skew: number;
  /** Is it changed with the right of the admin? Else with the connector's own. */
  readonly onBehalf: boolean;
}

const onWrite = [
  ...['lost-before', 'lost-after', 'late', 'slow', 'operation', 'throttled', 'wait', 'unavailable', 'refused'],
  ...['kill-before', 'kill-after'],
] as const;
const onRead = ['throttled', 'unavailable', 'slow', 'kill'] as const;

export class ScriptedDirectory {
  readonly accounts = new Map<string, Account>();
  readonly manner: Manner;
  readonly #world: World;
  /** Rights of admins that hold no longer. */
  readonly revoked = new Set<string>();
  /** Calls that may still take effect, by person. */
  readonly pending = new Map<string, number>();

  constructor(world: World, manner: Manner) {
    this.#world = world;
    this.manner = manner;
  }

  /** Its own time. */
  get now(): number {
    return this.#world.loop.now + this.manner.skew;
  }

  /** Somebody other than us changes a password: the person, or another program. */
  choose(account: Account, value: string): void {
    this.#write(account, value, { at: this.now, by: { kind: this.manner.records ? 'self' : 'unknown' } });
    this.#world.observer.wrote(account.id, value, 'self');
  }

  #write(account: Account, value: string, change: PasswordChange): void {
    account.passwords.push(value);
    account.last = change;
    account.shown.push({ at: this.#world.loop.now, last: change });
  }

  /** The port to the directory of one tenant, for one process and somebody's right. */
  port(machine: Machine, tenant: string, acting: Acting): Directory {
    const world = this.#world;
    const { manner } = this;

    let ahead: number | undefined;
    const answer = <T>(wait: number, give: () => T): Promise<T> =>
      new Promise((resolve, reject) => {
        world.loop.after(machine, wait, () => {
          // To the second, as a Date header is.
          ahead = Math.floor(this.now / 1000) * 1000 - machine.now();
          try {
            resolve(give());
          } catch (error) {
            reject(error);
          }
        });
      });

    const right = () => {
      if (!manner.onBehalf) return;
      if (acting.kind === 'connector') throw new Problem('signInAgain');
      const who =
        acting.kind === 'caller'
          ? acting.caller.id
          : acting.grant.identity === 'admin'
            ? acting.grant.secret.reveal()
            : '';
      if (who === '' || this.revoked.has(who.replace(/^right of /, ''))) throw new Problem('signInAgain');
    };

    const read = <T>(name: string, look: () => T): Promise<T> => {
      const fault = world.io(machine, `directory ${name}`, onRead);
      if (fault === 'kill') world.kill(machine, 'none');
      const wait = fault === 'slow' ? 5_000 + world.random.int(70_000) : world.latency();
      return answer(wait, () => {
        if (fault === 'throttled') throw new Problem('throttled', { retryAfter: 1 + world.random.int(120) });
        if (fault === 'unavailable') throw new Problem('unavailable', { reason: 'directory' });
        right();
        return look();
      });
    };

    const account = (idOrName: string) => {
      const here = [...this.accounts.values()].filter((one) => one.tenant === tenant && !one.deleted);
      return here.find(({ id }) => id === idOrName) ?? here.find(({ name }) => name === idOrName);
    };

    /** What a copy shows that may be behind. */
    const shownOf = (one: Account): PasswordChange | undefined => {
      const since = world.loop.now - (manner.lag > 0 ? world.random.int(manner.lag) : 0);
      return one.shown.findLast(({ at }) => at <= since)?.last ?? one.shown[0]?.last;
    };

    return {
      organization: () => read('organization', () => world.organization),
      find: (idOrName) =>
        read('find', () => {
          const found = account(idOrName);
          return found && userOf(found);
        }),
      search: async () => [],
      standingOf: (id) => read('standingOf', () => ({ ...noStanding, roles: account(id)?.roles ?? [] })),
      obstacle: async () => undefined,
      setPassword: (id, profile, operation, ifUnchangedSince, until) =>
        this.#setPassword(machine, right, answer, { id, value: profile.password, operation, ifUnchangedSince, until }),
      revokeSessions: (id) => {
        const fault = world.io(machine, 'directory revokeSessions', ['unavailable', 'refused', 'slow', 'kill']);
        if (fault === 'kill') world.kill(machine, 'none');
        return answer(fault === 'slow' ? 120_000 : world.latency(), (): Outcome => {
          if (fault === 'unavailable') return { outcome: 'unknown', why: 'no answer' };
          if (fault === 'refused') return { outcome: 'failed', problem: new Problem('sessionsNotEnded') };
          return account(id)
            ? { outcome: 'done', at: this.now }
            : { outcome: 'failed', problem: new Problem('targetUnknown') };
        });
      },
      lastPasswordChange: (id) =>
        read('lastPasswordChange', () => {
          const found = account(id);
          return found && shownOf(found);
        }),
      rememberAddress: (id) =>
        answer(world.latency(), () =>
          account(id)
            ? { outcome: 'done', at: this.now }
            : { outcome: 'failed', problem: new Problem('targetUnknown') },
        ),
      ...(manner.records ? {} : { ahead: () => ahead }),
      grant: async () => {
        if (!manner.onBehalf) return { identity: 'connector' };
        if (acting.kind !== 'caller') return { identity: 'none' };
        return { identity: 'admin', secret: new Secret(`right of ${acting.caller.id}`) };
      },
    };
  }

  #setPassword(
    machine: Machine,
    right: () => void,
    answer: <T>(wait: number, give: () => T) => Promise<T>,
    call: {
      id: string;
      value: string;
      operation: string;
      ifUnchangedSince: number | undefined;
      until: number | undefined;
    },
  ): Promise<Outcome> {
    const world = this.#world;
    const { id, value, operation, ifUnchangedSince } = call;
    const { records } = this.manner;
    const failed = (problem: Problem): Outcome => ({ outcome: 'failed', problem });
    const unknown: Outcome = { outcome: 'unknown', why: 'no answer' };
    world.attempt(id);
    const down = world.loop.now < world.directoryDownUntil;
    const fault = down ? 'throttled' : world.io(machine, 'directory setPassword', onWrite);
    if (fault === 'kill-before') world.kill(machine, 'none');
    const wait = world.latency();
    if (fault === 'lost-before' || fault === 'kill-before') return answer(wait, () => unknown);
    if (fault === 'throttled') return answer(wait, () => failed(new Problem('throttled')));
    if (fault === 'wait') {
      const retryAfter = 1 + world.random.int(3600);
      return answer(wait, () => failed(new Problem('throttled', { retryAfter })));
    }
    if (fault === 'unavailable') return answer(wait, () => failed(new Problem('unavailable', { reason: 'directory' })));
    if (fault === 'refused') return answer(wait, () => failed(new Problem('directoryRefused', { reason: 'policy' })));

    /** The look before the write: who has no compare-and-set can do no better. */
    const refusal = (): Problem | undefined => {
      try {
        right();
      } catch (error) {
        return error as Problem;
      }
      const found = this.accounts.get(id);
      if (!found || found.deleted) return new Problem('targetUnknown');
      const ours = found.last?.by.kind === 'operation' && found.last.by.operation === operation;
      if (ifUnchangedSince !== undefined && (found.last?.at ?? 0) > ifUnchangedSince && !ours) {
        return new Problem('stateConflict');
      }
      if (this.manner.history && found.passwords.includes(value)) {
        return records && ours ? undefined : new Problem('directoryRefused', { reason: 'history' });
      }
      return undefined;
    };
    let at = 0;
    const land = (): void => {
      this.pending.set(id, (this.pending.get(id) ?? 1) - 1);
      const found = this.accounts.get(id);
      if (!found || found.deleted) return;
      // One that compares and sets still does when it is late.
      if (records && refusal()) return;
      at = this.now;
      const hit = found.last !== looked ? found.last : undefined;
      this.#write(found, value, { at, by: records ? { kind: 'operation', operation } : { kind: 'unknown' } });
      world.observer.wrote(id, value, operation, hit !== undefined);
    };
    let looked: PasswordChange | undefined;
    return new Promise((resolve) => {
      const settle = (after: number, outcome: Outcome | (() => Outcome)) =>
        void answer(after, () => (typeof outcome === 'function' ? outcome() : outcome)).then(resolve);
      world.loop.after(world.outside, wait, () => {
        const no = refusal();
        if (no) return settle(0, failed(no));
        looked = this.accounts.get(id)?.last;
        this.pending.set(id, (this.pending.get(id) ?? 0) + 1);
        const left = Math.max(0, (call.until ?? world.loop.now + 60_000) - machine.now() - 1_000);
        // One that compares and sets does both at once.
        const lands =
          fault === 'late' || fault === 'operation' ? world.random.int(Math.max(1, left)) : records ? 0 : wait;
        if (lands === 0) land();
        else world.loop.after(world.outside, lands, land);
        if (fault === 'kill-after') world.kill(machine, 'none');
        if (fault === 'late') return settle(world.random.int(2_000), unknown);
        if (fault === 'slow') return settle(lands + left + 10_000, () => ({ outcome: 'done', at }));
        if (fault === 'lost-after') return settle(lands + wait, unknown);
        settle(lands + wait, () => ({ outcome: 'done', at }));
      });
    });
  }
}

function userOf(account: Account): User {
  return {
    id: account.id,
    userPrincipalName: account.name,
    displayName: account.displayName,
    otherMails: [account.home],
    proxyAddresses: [account.name],
    accountEnabled: account.enabled,
    onPremisesSyncEnabled: false,
  };
}
