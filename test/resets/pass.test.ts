// A Temporary Access Pass instead of a password: made once the mail is accepted, shown by the link alone, removed when nobody
// shall use it any more. The password stays as it is.

import { describe, expect, it } from 'vitest';
import type { Offer, Reset, ResetRequest } from '#shared/api.ts';
import { Problem } from '#shared/problem.ts';
import type { Directory, MadePass, NotDone } from '../../connector/directory/directory.ts';
import { passLifetime } from '../../connector/resets/pass.ts';
import { Secret } from '../../connector/secret.ts';
import type { Sql } from '../../connector/sql/sql.ts';
import { changePassword } from '../../connector/store/credentials.ts';
import { readPass, spendPass } from '../../connector/store/temporary-access-pass.ts';
import { openSql } from '../postgres/engine.ts';
import { rowsOf } from '../postgres/schema.ts';
import { makeWorld, type Name, type World, type WorldOptions } from '../world.ts';

const minute = 60_000;
const hour = 60 * minute;
const old = 'the 0ld-Passw0rd works';
const pass = { credential: 'temporaryAccessPass', forceChangePasswordNextSignIn: false } as const;
const names = ['globalAdmin', 'passwordAdmin', 'amara'] as const;

const passWorld = (options: WorldOptions = {}) =>
  makeWorld({ names, ...options, env: { RR_POLICY_TAP: 'yes', ...options.env } });

const said = ({ events }: Reset) => events.map(({ name }) => name);

async function start(world: World, request: Partial<ResetRequest> = {}, by: Name = 'globalAdmin'): Promise<Reset> {
  const response = await world.reset(by, 'amara', { ...pass, ...request });
  expect(response.statusCode, response.body).toBe(202);
  return response.json<Reset>();
}

/** Started, mailed, made, armed. */
async function ready(world: World, request: Partial<ResetRequest> = {}): Promise<Reset> {
  const { id } = await start(world, request);
  await world.walk();
  const reset = await world.see(id);
  expect(reset).toMatchObject({ state: 'ready', credential: 'temporaryAccessPass' });
  return reset;
}

const shown = async (world: World, index = -1) => {
  const opened = await world.open((await world.letter(index)).link);
  return { ...opened, value: opened.password ?? '' };
};

const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));

const signsIn = ({ sql, now, ids, connector }: World, value: string) =>
  spendPass({ sql, now, random, hashing: connector.state.hashing }, 'default', ids.amara, value);

const stored = ({ sql, ids }: World) => sql.run((tx) => readPass(tx, 'default', ids.amara));

const kill = (world: World, id: string) => world.api('globalAdmin', 'POST', `/resets/${id}/kill`);
const done = (world: World, linkId: string, holder: Uint8Array) =>
  world.post(linkId, 'done', { holder: Buffer.from(holder).toString('base64url') });

async function keyOf({ sql }: World, id: string): Promise<string | null> {
  const row = await sql.get<{ sealed_key: string | null }>`select sealed_key from reset where id = ${id}`;
  return row?.sealed_key ?? null;
}

/** Everything that any table holds, as one text. */
async function dump(sql: Sql): Promise<string> {
  return JSON.stringify(await rowsOf(sql));
}

type Create = () => Promise<MadePass | NotDone>;
/** Puts something before the making of passes; `made` gathers the values that the directory has told. */
function between(world: World, act: (make: Create, call: number) => Promise<MadePass | NotDone>): string[] {
  const made: string[] = [];
  let calls = 0;
  world.directory = (real) => {
    const passes = real.temporaryAccessPass as NonNullable<Directory['temporaryAccessPass']>;
    const create: typeof passes.create = async (...given) =>
      act(async () => {
        const outcome = await passes.create(...given);
        if (outcome.outcome === 'done') made.push(outcome.pass.reveal());
        return outcome;
      }, calls++);
    return { ...real, temporaryAccessPass: { ...passes, create } };
  };
  return made;
}

describe('a pass', () => {
  it('is made after the mail, signs in once, and leaves the password as it is', async () => {
    await using world = await passWorld();
    await world.signUp('amara', old);
    const { id } = await start(world);
    expect(await stored(world)).toBeUndefined();
    await world.walk();
    const reset = await world.see(id);
    expect(said(reset)).toEqual(['requested', 'prepared', 'accepted', 'passCreated', 'armed']);
    const { subject, text } = await world.letter();
    expect(subject).toContain('Temporary Access Pass');
    expect(text).toContain('The pass by itself does not change your password.');
    expect(text).not.toMatch(/prepared a new password/i);

    const { answer, value } = await shown(world);
    expect(answer).toMatchObject({ state: 'open', credential: 'temporaryAccessPass', forceChange: false });
    expect(value).toMatch(/^[\x21-\x7e]{16,}$/);
    expect(await world.holds('amara', old)).toBe(true);
    expect(await signsIn(world, `${value}x`)).toBe(false);
    expect(await signsIn(world, value)).toBe(true);
    expect(await signsIn(world, value)).toBe(false);
    await world.walk();
    const ended = await world.see(id);
    expect(ended).toMatchObject({ state: 'done' });
    expect(said(ended).slice(-2)).toEqual(['opened', 'passUsed']);
    expect(await world.holds('amara', old)).toBe(true);
  });

  it('outlives its link by the time that it is shown, and no longer', async () => {
    await using world = await passWorld();
    const { expiresAt, changeBy = '' } = await ready(world);
    expect(Date.parse(expiresAt) - world.now()).toBe(24 * hour);
    expect(Date.parse(changeBy) - Date.parse(expiresAt)).toBe(10 * minute);
    expect(await stored(world)).toMatchObject({ ends: Date.parse(changeBy), once: true });
    expect(passLifetime(24 * hour, 0)).toBe(1450);
    expect(passLifetime(1, 0)).toBe(11);
    expect(passLifetime(0, hour)).toBe(10);
    expect(passLifetime(99 * 24 * hour, 0)).toBe(43_200);
  });

  it('is given the time that is left when the mail was slow', async () => {
    await using world = await passWorld();
    world.script.push({ outcome: 'later', reply: '451 Later' } as never);
    const { id, expiresAt } = await start(world);
    await world.walk();
    await world.pass(90 * minute);
    const { changeBy = '', state } = await world.see(id);
    expect([state, Date.parse(changeBy) - Date.parse(expiresAt)]).toEqual(['ready', 10 * minute]);
  });

  it('shortens its link where the directory allows passes a shorter life', async () => {
    await using world = await passWorld();
    world.directory = (real) => ({
      ...real,
      temporaryAccessPass: {
        ...(real.temporaryAccessPass as NonNullable<Directory['temporaryAccessPass']>),
        allowed: async () => ({ maximumLifetimeInMinutes: 480 }),
      },
    });
    const { expiresAt, changeBy } = await ready(world);
    expect(Date.parse(expiresAt) - world.now()).toBe(470 * minute);
    expect(Date.parse(changeBy ?? '') - world.now()).toBe(480 * minute);
  });

  it('needs its PIN, and is then the same', async () => {
    await using world = await passWorld();
    await ready(world, { pin: '12345678' });
    const { link, url } = await world.letter();
    expect(url).toContain('#1.en.p.t.');
    expect((await world.open(link)).answer.state).toBe('pinNeeded');
    const { password = '' } = await world.open(link, { pin: '12345678' });
    expect(await signsIn(world, password)).toBe(true);
  });

  it('that the person says has worked is watched until it was used, or has ended', async () => {
    await using world = await passWorld();
    const { id } = await ready(world);
    const { link } = await world.letter();
    const { holder, value } = await shown(world);
    expect((await done(world, link.id, holder)).statusCode).toBe(204);
    await world.walk();
    expect(said(await world.see(id)).at(-1)).toBe('done');
    expect(await signsIn(world, value)).toBe(true);
    await world.walk();
    expect(said(await world.see(id)).slice(-2)).toEqual(['done', 'passUsed']);

    const again = await ready(world);
    const second = await shown(world);
    await done(world, (await world.letter()).link.id, second.holder);
    await world.pass(25 * hour);
    const ended = await world.see(again.id);
    expect([ended.state, ...said(ended).slice(-2)]).toEqual(['done', 'done', 'passEnded']);
    expect(await signsIn(world, second.value)).toBe(false);
    // Nothing is left to be walked.
    expect(await world.sql.all`select * from job`).toEqual([]);
  });

  it('keeps the right of its admin until then', async () => {
    await using world = await passWorld();
    world.directory = (real) => ({
      ...real,
      grant: async () => ({ identity: 'admin', secret: new Secret('refresh-token') }),
    });
    await ready(world);
    const { holder, value } = await shown(world);
    await done(world, (await world.letter()).link.id, holder);
    await world.walk();
    const kept = () => world.sql.get<{ sealed_grant: string | null }>`select sealed_grant from reset`;
    expect((await kept())?.sealed_grant).toMatch(/^1\./);
    expect(await signsIn(world, value)).toBe(true);
    await world.walk();
    expect(await kept()).toEqual({ sealed_grant: null });
  });

  it('puts a typed address on file as a password does', async () => {
    await using world = await passWorld();
    const { id } = await ready(world, { remember: true });
    const { holder } = await shown(world);
    await done(world, (await world.letter()).link.id, holder);
    await world.walk();
    expect(said(await world.see(id))).toContain('remembered');
  });
});

describe('who may have one handed over', () => {
  const offer = async (world: World, by: Name = 'globalAdmin') =>
    (await world.api(by, 'GET', `/users/${world.ids.amara}/offer`)).json<Offer>();

  it('is decided by the policy, which says no by itself', async () => {
    await using world = await makeWorld({ names });
    expect(await offer(world)).toMatchObject({ temporaryAccessPass: false });
    const refused = await world.reset('globalAdmin', 'amara', pass);
    expect([refused.statusCode, refused.json()]).toMatchObject([403, { code: 'passNotAllowed' }]);
    expect(await world.sql.all`select id from reset`).toEqual([]);
  });

  it('by the role: a Password Administrator can reset a password and make no pass', async () => {
    await using world = await passWorld();
    expect(await offer(world)).toMatchObject({ temporaryAccessPass: true });
    expect(await offer(world, 'passwordAdmin')).toMatchObject({ temporaryAccessPass: false });
    const refused = await world.reset('passwordAdmin', 'amara', pass);
    expect(refused.json()).toMatchObject({ code: 'passNotAllowed' });
    expect((await world.reset('passwordAdmin', 'amara')).statusCode).toBe(202);
  });

  it('and by the directory: one without passes, and one whose policy has none for this person', async () => {
    await using world = await passWorld();
    for (const temporaryAccessPass of [undefined, 'none', 'short'] as const) {
      world.directory = ({ temporaryAccessPass: passes, ...real }) =>
        temporaryAccessPass === undefined || !passes
          ? real
          : {
              ...real,
              temporaryAccessPass: {
                ...passes,
                // A link that lives for five minutes would be none.
                allowed: async () => (temporaryAccessPass === 'none' ? undefined : { maximumLifetimeInMinutes: 15 }),
              },
            };
      expect(await offer(world)).toMatchObject({ temporaryAccessPass: false });
      expect((await world.reset('globalAdmin', 'amara', pass)).json()).toMatchObject({ code: 'passNotAllowed' });
    }
  });

  it('and asked again right before it is made', async () => {
    await using world = await passWorld();
    await world.signUp('amara', old);
    const { id } = await start(world);
    world.directory = ({ temporaryAccessPass: _, ...real }) => real;
    await world.walk();
    const stopped = await world.see(id);
    expect(stopped).toMatchObject({ state: 'rejected', why: { code: 'passNotAllowed' } });
    expect(await keyOf(world, id)).toBeNull();
    expect((await world.open((await world.letter()).link)).answer.state).toBe('nothingChanged');
    world.directory = undefined;
    expect(await stored(world)).toBeUndefined();
    expect(await world.holds('amara', old)).toBe(true);
  });

  it('takes no password along, and a repeated request is the same one', async () => {
    await using world = await passWorld();
    const typed = await world.reset('globalAdmin', 'amara', { ...pass, password: 'Wq7-Xkvb-Zr-2026' });
    expect([typed.statusCode, typed.json()]).toMatchObject([
      400,
      { code: 'invalidValue', details: { field: 'password' } },
    ]);
    const other = await world.reset('globalAdmin', 'amara', { credential: 'passkey' as never });
    expect(other.json()).toMatchObject({ code: 'invalidValue', details: { field: 'credential' } });
    const first = (await world.reset('globalAdmin', 'amara', pass, 'one-key-for-it')).json<Reset>();
    expect((await world.reset('globalAdmin', 'amara', pass, 'one-key-for-it')).json<Reset>().id).toBe(first.id);
    const changed = await world.reset('globalAdmin', 'amara', { ...pass, credential: 'password' }, 'one-key-for-it');
    expect(changed.json()).toMatchObject({ code: 'idempotencyMismatch' });
  });
});

describe('its value and its key', () => {
  it('the value is in no table and no log, in no form, before, while and after it is shown', async () => {
    await using world = await passWorld();
    const made = between(world, (make) => make());
    await ready(world);
    const texts = [await dump(world.sql)];
    await shown(world);
    texts.push(await dump(world.sql));
    await world.pass(25 * hour);
    texts.push(await dump(world.sql), world.logged.join('\n'));
    const [value = ''] = made;
    expect(value).not.toBe('');
    for (const form of [
      value,
      ...(['base64', 'base64url', 'hex'] as const).map((encoding) => Buffer.from(value).toString(encoding)),
      Buffer.from(value, 'utf16le').toString('hex'),
      encodeURIComponent(value),
    ]) {
      // The store's own hash of these tests is the value in hex: its table is what a real hash stands in.
      const hash = `quick:${Buffer.from(value).toString('hex')}`;
      for (const text of texts) expect(text.replaceAll(hash, '')).not.toContain(form);
    }
  });

  it('the key is kept sealed until the pass is encrypted with it, and nowhere after that', async () => {
    await using world = await passWorld();
    world.script.push({ outcome: 'later', reply: '451 Later' } as never);
    const { id } = await start(world);
    expect(await keyOf(world, id)).toMatch(/^1\./);
    await world.walk();
    expect((await world.see(id)).state).toBe('mailing');
    const sealed = await keyOf(world, id);
    expect(sealed).toMatch(/^1\./);
    await world.pass(2 * minute);
    expect((await world.see(id)).state).toBe('ready');
    expect(await keyOf(world, id)).toBeNull();
    expect(await dump(world.sql)).not.toContain(sealed);
  });

  it.each([
    ['cancelled', (world: World, id: string) => world.api('globalAdmin', 'POST', `/resets/${id}/cancel`)],
    ['recalled', (world: World, id: string) => kill(world, id)],
    ['expired', (world: World) => world.pass(25 * hour)],
  ])('the key goes when the reset is %s before the pass was made', async (state, end) => {
    await using world = await passWorld();
    for (let n = 0; n < 40; n++) world.script.push({ outcome: 'later', reply: '451 Later' } as never);
    const { id } = await start(world);
    await world.walk();
    await end(world, id);
    expect((await world.see(id)).state).toBe(state);
    expect(await keyOf(world, id)).toBeNull();
    expect(await stored(world)).toBeUndefined();
  });

  it('the key is sealed again when the master key changes on the way', async () => {
    const sql = await openSql();
    const text = (...fills: number[]) => fills.map((fill) => Buffer.alloc(32, fill).toString('base64')).join(',');
    const before = await passWorld({ sql, secretKey: text(1) });
    before.script.push({ outcome: 'later', reply: '451 Later' } as never);
    const { id } = await start(before);
    await before.walk();
    const sealed = await keyOf(before, id);
    const options = { sql, at: before.now() };
    const both = await passWorld({ ...options, secretKey: text(2, 1) });
    expect(await keyOf(both, id)).not.toBe(sealed);
    await using alone = await passWorld({ ...options, secretKey: text(2) });
    await alone.pass(2 * minute);
    expect((await alone.see(id)).state).toBe('ready');
    expect(await signsIn(alone, (await shown(alone)).value)).toBe(true);
  });
});

describe('an answer of the directory', () => {
  it('that is lost is asked for again, not before the first call can no longer land; only the second pass is shown', async () => {
    await using world = await passWorld();
    const made = between(world, async (make, call) => {
      const outcome = await make();
      return call === 0 ? { outcome: 'unknown', why: 'cut' } : outcome;
    });
    const { id } = await start(world);
    await world.walk();
    const waiting = await world.see(id);
    expect([waiting.state, said(waiting).at(-1)]).toEqual(['changing', 'deferred']);
    expect(Date.parse(waiting.nextAttemptAt ?? '') - world.now()).toBe(90_000);
    expect((await world.open((await world.letter()).link)).answer.state).toBe('notReady');
    await world.pass(10_000);
    expect(made).toHaveLength(1);
    await world.pass(2 * minute);
    expect(made).toHaveLength(2);
    const { value } = await shown(world);
    expect(value).toBe(made[1]);
    expect(await signsIn(world, made[0] ?? '')).toBe(false);
    expect(await signsIn(world, value)).toBe(true);
  });

  it('is not asked for again while a call that broke off may still land', async () => {
    await using world = await passWorld();
    let calls = 0;
    between(world, async (make, call) => {
      calls++;
      if (call === 0) throw new Error('The process was ended here.');
      return make();
    });
    const { id } = await start(world);
    await world.walk();
    // The step is tried again after a minute; the call had 90 seconds.
    await world.pass(61_000);
    expect([(await world.see(id)).state, calls]).toEqual(['changing', 1]);
    await world.pass(30_000);
    expect([(await world.see(id)).state, calls]).toEqual(['ready', 2]);
  });

  it('that is no ends the reset, and nothing was changed', async () => {
    await using world = await passWorld();
    await world.signUp('amara', old);
    between(world, async () => ({ outcome: 'failed', problem: new Problem('directoryRefused', { reason: 'no' }) }));
    const { id } = await start(world);
    await world.walk();
    expect(await world.see(id)).toMatchObject({ state: 'refused', why: { code: 'directoryRefused' } });
    expect(await keyOf(world, id)).toBeNull();
    expect((await world.open((await world.letter()).link)).answer.state).toBe('nothingChanged');
    expect(await world.holds('amara', old)).toBe(true);
  });

  it('that comes after "wrong person" leaves no pass behind', async () => {
    await using world = await passWorld();
    let id = '';
    between(world, async (make) => {
      const outcome = await make();
      expect((await kill(world, id)).statusCode).toBe(200);
      return outcome;
    });
    id = (await start(world)).id;
    await world.walk();
    await world.pass(2 * minute);
    const ended = await world.see(id);
    expect([ended.state, ...said(ended).slice(-2)]).toEqual(['recalled', 'recalled', 'passRemoved']);
    expect(await stored(world)).toBeUndefined();
  });
});

/** The person chooses a password. */
const choose = ({ sql, now, ids, connector }: World, password: string) =>
  changePassword({ sql, now, hashing: connector.state.hashing }, 'default', ids.amara, {
    ...{ password, forceChange: false, changedBy: 'self' },
  });

/** How often somebody's sessions were ended. */
function countEndings(world: World): () => number {
  let ended = 0;
  world.directory = (real) => ({
    ...real,
    async revokeSessions(user) {
      ended++;
      return real.revokeSessions(user);
    },
  });
  return () => ended;
}

describe('the end of a pass', () => {
  it('"wrong person": link dead, pass removed, sessions ended, password as it was', async () => {
    for (const used of [false, true]) {
      await using world = await passWorld();
      await world.signUp('amara', old);
      const { id } = await ready(world);
      const { value } = await shown(world);
      if (used) {
        expect(await signsIn(world, value)).toBe(true);
        await world.walk();
      }
      const ended = countEndings(world);
      expect((await kill(world, id)).statusCode).toBe(200);
      await world.walk();
      const reset = await world.see(id);
      expect([reset.state, said(reset).at(-1), ended()]).toEqual(['recalled', 'passRemoved', 1]);
      expect(await stored(world)).toBeUndefined();
      expect(await signsIn(world, value)).toBe(false);
      expect((await world.open((await world.letter()).link)).answer.state).toBe('recalled');
      expect(await world.holds('amara', old)).toBe(true);
    }
  });

  it('"wrong person" after the pass was used: a password chosen since is scrambled, and no other', async () => {
    for (const chose of ['after', 'before', 'never'] as const) {
      await using world = await passWorld();
      await world.signUp('amara', old);
      if (chose === 'before') await choose(world, 'Zw8k-Pq3n-v6Tr-1xLb');
      const { id } = await ready(world);
      const { value } = await shown(world);
      await world.pass(minute);
      expect(await signsIn(world, value)).toBe(true);
      if (chose === 'after') await choose(world, 'Zw8k-Pq3n-v6Tr-1xLb');
      await world.walk();
      await kill(world, id);
      await world.walk();
      const told = said(await world.see(id)).slice(-2);
      expect(told).toEqual(chose === 'after' ? ['scrambled', 'passRemoved'] : ['recalled', 'passRemoved']);
      expect(await world.holds('amara', chose === 'never' ? old : 'Zw8k-Pq3n-v6Tr-1xLb')).toBe(chose !== 'after');
      expect(await stored(world)).toBeUndefined();
    }
  });

  it('not opened in time: expired and removed, and nobody is signed out', async () => {
    await using world = await passWorld();
    await world.signUp('amara', old);
    const { id } = await ready(world);
    const ended = countEndings(world);
    await world.pass(24 * hour);
    const reset = await world.see(id);
    expect([reset.state, ...said(reset).slice(-2)]).toEqual(['scrambled', 'expired', 'passRemoved']);
    expect([await stored(world), ended(), await world.holds('amara', old)]).toEqual([undefined, 0, true]);
    expect((await world.open((await world.letter()).link)).answer.state).toBe('expired');
  });

  it('opened and not used: the admin is told after ten minutes, and it is removed at its end', async () => {
    await using world = await passWorld();
    const { id } = await ready(world);
    await shown(world);
    await world.pass(11 * minute);
    expect(await world.see(id)).toMatchObject({ state: 'leased', needsYou: 'likelyScanner' });
    await world.pass(25 * hour);
    const reset = await world.see(id);
    expect([reset.state, ...said(reset).slice(-2)]).toEqual(['scrambled', 'expired', 'passRemoved']);
    expect(await stored(world)).toBeUndefined();
  });

  it('used, and seen only when its time was over: no removal is told, but the use', async () => {
    await using world = await passWorld();
    const { id } = await ready(world);
    const { value } = await shown(world);
    let blind = true;
    world.directory = (real) => {
      const passes = real.temporaryAccessPass as NonNullable<Directory['temporaryAccessPass']>;
      const isUsed: typeof passes.isUsed = async (...given) => {
        if (blind) throw new Problem('unavailable');
        return passes.isUsed(...given);
      };
      return { ...real, temporaryAccessPass: { ...passes, isUsed } };
    };
    expect(await signsIn(world, value)).toBe(true);
    await world.pass(25 * hour);
    expect(['expired', 'leased']).toContain((await world.see(id)).state);
    blind = false;
    await world.pass(2 * hour);
    const reset = await world.see(id);
    expect([reset.state, said(reset).at(-1)]).toEqual(['done', 'passUsed']);
  });

  it('a directory that does not answer is asked again until the pass is gone', async () => {
    await using world = await passWorld();
    const { id } = await ready(world);
    let failures = 2;
    world.directory = (real) => {
      const passes = real.temporaryAccessPass as NonNullable<Directory['temporaryAccessPass']>;
      const remove: typeof passes.remove = async (...given) =>
        failures-- > 0 ? { outcome: 'failed', problem: new Problem('unavailable') } : passes.remove(...given);
      return { ...real, temporaryAccessPass: { ...passes, remove } };
    };
    await kill(world, id);
    await world.walk();
    expect(await world.see(id)).toMatchObject({ state: 'recalled', needsYou: 'directoryFailed' });
    await world.pass(hour);
    await world.pass(hour);
    expect(said(await world.see(id)).at(-1)).toBe('passRemoved');
    expect(await stored(world)).toBeUndefined();
  });

  it('removes its own pass and not one that somebody has made since', async () => {
    await using world = await passWorld();
    const { id } = await ready(world);
    const passes = world.connector.state.directoryOf(world.tenant, { kind: 'connector' }).temporaryAccessPass;
    const wanted = { lifetimeInMinutes: 60, isUsableOnce: true };
    const other = await passes?.create(world.ids.amara, wanted, 'by another tool');
    if (other?.outcome !== 'done') throw new Error('No pass was made.');
    await kill(world, id);
    await world.walk();
    expect(said(await world.see(id)).at(-1)).toBe('passRemoved');
    expect(await signsIn(world, other.pass.reveal())).toBe(true);
  });
});

describe('one reset in place of another', () => {
  const replace = async (world: World, older: Reset, request: Partial<ResetRequest>) => {
    const response = await world.reset('globalAdmin', 'amara', { ...request, supersede: older.id });
    expect(response.statusCode, response.body).toBe(202);
    await world.walk();
    return world.see(response.json<Reset>().id);
  };

  async function readyPassword(world: World): Promise<Reset> {
    const { id } = (await world.reset('globalAdmin', 'amara')).json<Reset>();
    await world.walk();
    return world.see(id);
  }

  it('pass after pass: the newer one alone signs in', async () => {
    await using world = await passWorld();
    const older = await ready(world);
    const first = await shown(world);
    const newer = await replace(world, older, pass);
    expect([newer.state, (await world.see(older.id)).state]).toEqual(['ready', 'superseded']);
    const { value } = await shown(world);
    expect(await signsIn(world, first.value)).toBe(false);
    await world.pass(hour);
    expect(said(await world.see(older.id)).at(-1)).toBe('superseded');
    expect(await signsIn(world, value)).toBe(true);
  });

  it('password after pass: the pass is removed once the password is set', async () => {
    await using world = await passWorld();
    const older = await ready(world);
    const first = await shown(world);
    const newer = await replace(world, older, {});
    expect(newer.state).toBe('ready');
    await world.walk();
    expect(said(await world.see(older.id)).slice(-2)).toEqual(['superseded', 'passRemoved']);
    expect(await signsIn(world, first.value)).toBe(false);
    expect(await world.holds('amara', (await shown(world)).value)).toBe(true);
  });

  it('pass after password: the temporary password is scrambled once the pass is made', async () => {
    await using world = await passWorld();
    const older = await readyPassword(world);
    const first = await shown(world);
    expect(await world.holds('amara', first.value)).toBe(true);
    const newer = await replace(world, older, pass);
    expect(newer.state).toBe('ready');
    await world.walk();
    expect(said(await world.see(older.id)).slice(-2)).toEqual(['superseded', 'scrambled']);
    expect(await world.holds('amara', first.value)).toBe(false);
    expect(await signsIn(world, (await shown(world)).value)).toBe(true);
  });

  it('pass after a password that the person has replaced: theirs is not touched', async () => {
    await using world = await passWorld();
    const older = await readyPassword(world);
    const first = await shown(world);
    const { id } = (await world.reset('globalAdmin', 'amara', { ...pass, supersede: older.id })).json<Reset>();
    await world.signIn('amara', first.value, 'Zw8k-Pq3n-v6Tr-1xLb');
    await world.walk();
    await world.pass(hour);
    expect((await world.see(id)).state).toBe('ready');
    expect(await world.holds('amara', 'Zw8k-Pq3n-v6Tr-1xLb')).toBe(true);
  });

  it('a newer one that makes nothing leaves the older pass to its own end', async () => {
    await using world = await passWorld();
    const older = await ready(world);
    const first = await shown(world);
    world.directory = (real) => ({
      ...real,
      setPassword: async () => ({ outcome: 'failed', problem: new Problem('directoryRefused') }),
    });
    const newer = await replace(world, older, {});
    expect(newer.state).toBe('refused');
    // The older one has changed no password: the old one works.
    expect((await world.open((await world.letter()).link)).answer.state).toBe('nothingChanged');
    await world.pass(hour);
    // Its holder may still be using it, while nothing better has come; then it is removed.
    expect(await stored(world)).toMatchObject({ created: expect.any(Number) });
    await world.pass(24 * hour);
    expect(said(await world.see(older.id)).at(-1)).toBe('passRemoved');
    expect(await signsIn(world, first.value)).toBe(false);
  });

  it.each(['password', 'temporaryAccessPass'] as const)(
    '"wrong person" takes both kinds, the newer being a %s',
    async (kind) => {
      await using world = await passWorld();
      const older = kind === 'password' ? await ready(world) : await readyPassword(world);
      const first = await shown(world);
      // The newer one is made while the older one's credential still stands.
      const held = await world.reset('globalAdmin', 'amara', {
        ...(kind === 'password' ? {} : pass),
        supersede: older.id,
      });
      await world.walk();
      const second = await shown(world);
      await kill(world, held.json<Reset>().id);
      await world.walk();
      await world.pass(hour);
      for (const { value } of [first, second]) {
        expect(await world.holds('amara', value)).toBe(false);
        expect(await signsIn(world, value)).toBe(false);
      }
      expect(await stored(world)).toBeUndefined();
    },
  );

  it('"wrong person" before the newer mail was accepted takes the older one of the other kind as well', async () => {
    for (const kind of ['password', 'temporaryAccessPass'] as const) {
      await using world = await passWorld();
      const older = kind === 'password' ? await ready(world) : await readyPassword(world);
      const first = await shown(world);
      world.script.push({ outcome: 'later', reply: '451 Later' } as never);
      const request = { ...(kind === 'password' ? {} : pass), supersede: older.id };
      const { id } = (await world.reset('globalAdmin', 'amara', request)).json<Reset>();
      await world.walk();
      expect((await world.see(id)).state).toBe('mailing');
      await kill(world, id);
      await world.walk();
      expect((await world.see(older.id)).state).toBe('recalled');
      expect(said(await world.see(older.id)).at(-1)).toBe(kind === 'password' ? 'passRemoved' : 'scrambled');
      expect(await world.holds('amara', first.value)).toBe(false);
      expect(await signsIn(world, first.value)).toBe(false);
    }
  });

  it('one that is cancelled gives the older pass back', async () => {
    await using world = await passWorld();
    const older = await ready(world);
    const response = await world.reset('globalAdmin', 'amara', { supersede: older.id });
    await world.api('globalAdmin', 'POST', `/resets/${response.json<Reset>().id}/cancel`);
    await world.walk();
    expect(await world.see(older.id)).toMatchObject({ state: 'ready' });
    expect(await signsIn(world, (await shown(world)).value)).toBe(true);
  });
});

describe('the store', () => {
  it('forgets the pass of a person who is deleted', async () => {
    await using world = await passWorld();
    await ready(world);
    const headers = { authorization: `Bearer ${world.scimToken}` };
    const gone = await world.app.inject({ method: 'DELETE', url: `/scim/v2/Users/${world.ids.amara}`, headers });
    expect(gone.statusCode).toBe(204);
    expect(await stored(world)).toBeUndefined();
  });
});
