// With whose right a reset changes the directory: what it takes along, when that is refused, and when it is forgotten.

import { describe, expect, test } from 'vitest';
import type { Offer, Reset } from '#shared/api.ts';
import { Problem } from '#shared/problem.ts';
import type { Acting, Directory } from '../../connector/directory/directory.ts';
import { Secret } from '../../connector/secret.ts';
import { elsewhere, makeWorld, type World } from '../world.ts';

const secret = 'refresh-token-of-the-admin';
const claims = '{"access_token":{"nbf":{"essential":true,"value":"1763802000"}}}';
const hour = 3_600_000;

/** A directory that is asked on behalf of an admin: every call needs a grant that is still good. */
class OnBehalf {
  good = new Set([secret]);
  /** What the next caller is given to take along. */
  next = secret;
  readonly used: string[] = [];

  readonly between = (embedded: Directory, acting: Acting): Directory => {
    const real = elsewhere(embedded);
    const check = () => {
      if (acting.kind !== 'grant') return;
      const held = acting.grant.identity === 'admin' ? acting.grant.secret.reveal() : 'nothing';
      this.used.push(held);
      if (!this.good.has(held)) throw new Problem('signInAgain', { claims });
    };
    const asked = <A extends unknown[], R>(call: (...given: A) => Promise<R>) => {
      return async (...given: A): Promise<R> => {
        check();
        return call(...given);
      };
    };
    return {
      ...real,
      find: asked(real.find),
      standingOf: asked(real.standingOf),
      setPassword: asked(real.setPassword),
      lastPasswordChange: asked(real.lastPasswordChange),
      revokeSessions: asked(real.revokeSessions),
      rememberAddress: asked(real.rememberAddress),
      grant: async () => ({ identity: 'admin', secret: new Secret(this.next) }),
    };
  };
}

async function onBehalf(): Promise<{ world: World; directory: OnBehalf }> {
  const world = await makeWorld({ names: ['globalAdmin', 'passwordAdmin', 'amara'] });
  const directory = new OnBehalf();
  world.directory = directory.between;
  return { world, directory };
}

const sealed = async ({ sql }: World) =>
  (await sql.get<{ sealed_grant: string | null }>`select sealed_grant from reset`)?.sealed_grant;

async function started(world: World, request = {}): Promise<Reset> {
  const response = await world.reset('globalAdmin', 'amara', request);
  expect(response.statusCode, response.body).toBe(202);
  return response.json<Reset>();
}

describe('a grant', () => {
  test('is kept sealed while it may be needed, and used by every step', async () => {
    const { world, directory } = await onBehalf();
    await using _ = world;
    const { id } = await started(world);
    await world.walk();
    expect((await world.see(id)).state).toBe('ready');
    expect(new Set(directory.used)).toEqual(new Set([secret]));
    const kept = await sealed(world);
    expect(kept).toMatch(/^1\./);
    for (const row of await world.sql.all`select * from reset`) expect(JSON.stringify(row)).not.toContain(secret);
    expect(world.logged.join('')).not.toContain(secret);
  });

  test('is forgotten when nothing is left to be done', async () => {
    const ends: ((world: World, id: string) => Promise<unknown>)[] = [
      async (world, id) => {
        await world.api('globalAdmin', 'POST', `/resets/${id}/kill`, {});
        await world.walk();
        expect((await world.see(id)).events.at(-1)?.name).toBe('scrambled');
      },
      async (world, id) => {
        const { link } = await world.letter();
        const { password = '' } = await world.open(link);
        await world.withRealDirectory(() => world.signIn('amara', password, 'Zw8k-Pq3n-v6Tr-1xLb'));
        await world.pass(11 * 60_000);
        expect(await world.see(id)).toMatchObject({ state: 'done' });
      },
      async (world, id) => {
        await world.pass(25 * hour);
        await world.walk();
        expect((await world.see(id)).state).toBe('scrambled');
      },
    ];
    for (const end of ends) {
      const { world } = await onBehalf();
      await using _ = world;
      const { id } = await started(world);
      await world.walk();
      expect(await sealed(world)).not.toBeNull();
      await end(world, id);
      expect(await sealed(world)).toBeNull();
    }
  });

  test('a cancelled reset keeps none', async () => {
    const { world } = await onBehalf();
    await using _ = world;
    const { id } = await started(world);
    expect((await world.api('globalAdmin', 'POST', `/resets/${id}/cancel`, {})).statusCode).toBe(200);
    expect(await sealed(world)).toBeNull();
  });

  test('a newer form of it is saved for the steps to come', async () => {
    const { world, directory } = await onBehalf();
    await using _ = world;
    world.directory = (real, acting) => {
      if (acting.kind !== 'grant') return directory.between(real, acting);
      const keeping = directory.between(real, acting);
      return {
        ...keeping,
        async setPassword(...given) {
          const outcome = await keeping.setPassword(...given);
          directory.good = new Set([secret, 'rotated']);
          await acting.keep(new Secret('rotated'));
          return outcome;
        },
      };
    };
    const { id } = await started(world);
    await world.walk();
    directory.good = new Set(['rotated']);
    await world.pass(11 * 60_000);
    expect((await world.see(id)).needsYou).toBeUndefined();
    expect(directory.used.at(-1)).toBe('rotated');
  });
});

describe('a grant that is refused', () => {
  test('before the change: the old password works, and the reset goes on with a new sign-in', async () => {
    const { world, directory } = await onBehalf();
    await using _ = world;
    await world.signUp('amara', 'the old Passw0rd works');
    const { id } = await started(world);
    directory.good.clear();
    await world.walk();
    const waiting = await world.see(id);
    expect(waiting).toMatchObject({ state: 'mailed', needsYou: 'signInAgain', why: { code: 'signInAgain' } });
    expect(waiting.why?.details).toEqual({ claims });
    expect(waiting.may).toContain('grant');
    expect(await world.holds('amara', 'the old Passw0rd works')).toBe(true);
    const said = waiting.events.length;
    await world.pass(5 * hour);
    expect((await world.see(id)).events).toHaveLength(said);

    directory.next = 'a newer one';
    directory.good.add('a newer one');
    const granted = await world.api('passwordAdmin', 'POST', `/resets/${id}/grant`, {});
    expect(granted.statusCode, granted.body).toBe(200);
    expect(granted.json<Reset>().needsYou).toBeUndefined();
    await world.walk();
    expect(await world.see(id)).toMatchObject({ state: 'ready' });
    const { link } = await world.letter();
    const { password = '' } = await world.open(link);
    expect(await world.holds('amara', password)).toBe(true);
  });

  test('after the change: the link is over in time, and the password is scrambled after the next sign-in', async () => {
    const { world, directory } = await onBehalf();
    await using _ = world;
    const { id } = await started(world);
    await world.walk();
    const { link } = await world.letter();
    directory.good.clear();
    await world.pass(25 * hour);
    expect(await world.see(id)).toMatchObject({ state: 'expired', needsYou: 'signInAgain' });
    expect((await world.open(link)).answer.state).toBe('expired');
    directory.next = 'a newer one';
    directory.good.add('a newer one');
    await world.api('globalAdmin', 'POST', `/resets/${id}/grant`, {});
    await world.walk();
    const ended = await world.see(id);
    expect(ended).toMatchObject({ state: 'scrambled' });
    expect(ended.needsYou).toBeUndefined();
    expect(await sealed(world)).toBeNull();
  });

  test('"wrong person" takes effect with the right of whoever says so', async () => {
    const { world, directory } = await onBehalf();
    await using _ = world;
    const { id } = await started(world);
    await world.walk();
    directory.good.clear();
    directory.next = 'of the one who stops it';
    directory.good.add('of the one who stops it');
    expect((await world.api('passwordAdmin', 'POST', `/resets/${id}/kill`, {})).statusCode).toBe(200);
    await world.walk();
    expect((await world.see(id)).events.at(-1)?.name).toBe('scrambled');
  });

  test('the caller’s own right refused is a challenge with the directory’s claims', async () => {
    await using world = await makeWorld({ names: ['globalAdmin', 'amara'] });
    world.directory = (real) => ({ ...real, standingOf: () => Promise.reject(new Problem('signInAgain', { claims })) });
    const response = await world.api('globalAdmin', 'GET', `/users/${world.ids.amara}/offer`);
    expect([response.statusCode, response.json<{ code: string }>().code]).toEqual([401, 'signInAgain']);
    const challenge = String(response.headers['www-authenticate']);
    expect(challenge).toContain('error="insufficient_claims"');
    const [, encoded = ''] = /claims="([^"]+)"/.exec(challenge) ?? [];
    expect(Buffer.from(encoded, 'base64').toString()).toBe(claims);
  });
});

describe('whoever comes later', () => {
  test('replaces a reset whose grant is dead: it ends, and nobody is asked for it any more', async () => {
    const { world, directory } = await onBehalf();
    await using _ = world;
    const { id } = await started(world);
    await world.walk();
    await world.pass(60_000);
    directory.good.clear();
    directory.next = 'of the second';
    directory.good.add('of the second');
    await started(world, { supersede: id });
    await world.walk();
    await world.pass(2 * hour);
    const row = await world.sql.get<{ scramble: number; needs_you: string | null; sealed_grant: string | null }>`
      select scramble, needs_you, sealed_grant from reset where id = ${id}`;
    expect(row).toEqual({ scramble: 0, needs_you: null, sealed_grant: null });
    directory.used.length = 0;
    await world.pass(3 * hour);
    expect(directory.used).not.toContain(secret);
  });

  test('and signs in again is whose role counts from then on', async () => {
    const { world, directory } = await onBehalf();
    await using _ = world;
    const { id } = await started(world);
    directory.good.clear();
    await world.walk();
    const blocked = { schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'] };
    const operations = { Operations: [{ op: 'replace', path: 'active', value: false }] };
    await world.withRealDirectory(() =>
      world.scim('PATCH', `/Users/${world.ids.globalAdmin}`, { ...blocked, ...operations }),
    );
    directory.next = 'of the second';
    directory.good.add('of the second');
    await world.api('passwordAdmin', 'POST', `/resets/${id}/grant`, {});
    await world.walk();
    const now = await world.see(id, 'passwordAdmin');
    expect(now).toMatchObject({ state: 'ready', startedBy: { id: world.ids.passwordAdmin } });
  });

  test('keeps the grant that they brought, when an earlier one is rotated late', async () => {
    const { world, directory } = await onBehalf();
    await using _ = world;
    let rotate: (() => Promise<void>) | undefined;
    world.directory = (real, acting) => {
      if (acting.kind === 'grant') rotate ??= () => acting.keep(new Secret('a late rotation'));
      return directory.between(real, acting);
    };
    const { id } = await started(world);
    directory.good.clear();
    await world.walk();
    directory.next = 'of the second';
    directory.good.add('of the second');
    await world.api('passwordAdmin', 'POST', `/resets/${id}/grant`, {});
    await rotate?.();
    await world.walk();
    expect((await world.see(id)).state).toBe('ready');
    expect(directory.used.at(-1)).toBe('of the second');
  });
});

describe('while the directory cannot be asked', () => {
  const busy = () => Promise.reject(new Problem('throttled', { retryAfter: 30 }));

  test('whoever started a reset can stop it, and nobody else', async () => {
    await using world = await makeWorld({ names: ['globalAdmin', 'passwordAdmin', 'amara'] });
    const { id } = await started(world);
    await world.walk();
    const { link } = await world.letter();
    world.directory = (real) => ({ ...real, find: busy, standingOf: busy });
    const other = await world.api('passwordAdmin', 'POST', `/resets/${id}/kill`, {});
    expect([other.statusCode, other.headers['retry-after']]).toEqual([429, '30']);
    const own = await world.api('globalAdmin', 'POST', `/resets/${id}/kill`, {});
    expect([own.statusCode, own.json<Reset>().state]).toEqual([200, 'recalled']);
    expect((await world.open(link)).answer.state).toBe('recalled');
  });

  test('an offer is no refusal, but comes later', async () => {
    await using world = await makeWorld({ names: ['globalAdmin', 'amara'] });
    world.directory = (real) => ({ ...real, obstacle: busy });
    const offer = await world.api('globalAdmin', 'GET', `/users/${world.ids.amara}/offer`);
    expect([offer.statusCode, offer.headers['retry-after']]).toEqual([429, '30']);
  });

  test('what a person has to do is not hidden by it', async () => {
    await using world = await makeWorld({ names: ['globalAdmin', 'amara'] });
    const { id } = await started(world, { pin: '12345678' });
    await world.walk();
    const { link } = await world.letter();
    for (let turn = 0; turn < 5; turn++) await world.open(link, { pin: '00000000' });
    expect((await world.see(id)).needsYou).toBe('pinLocked');
    world.directory = (real) => ({ ...real, lastPasswordChange: () => Promise.reject(new Error('boom')) });
    await world.pass(11 * 60_000);
    expect((await world.see(id)).needsYou).toBe('pinLocked');
  });
});

test('a reset that still owes something is offered however old it is', async () => {
  const { world, directory } = await onBehalf();
  await using _ = world;
  const { id } = await started(world);
  await world.walk();
  directory.good.clear();
  await world.pass(25 * hour);
  await world.pass(200 * hour);
  const offer = await world.api('globalAdmin', 'GET', `/users/${world.ids.amara}/offer`);
  expect(offer.json<Offer>().reset).toMatchObject({ id, state: 'expired', needsYou: 'signInAgain' });
});

test('a right of an hour bothers nobody before the end, and is not kept once it is over', async () => {
  await using world = await makeWorld({ names: ['globalAdmin', 'amara'] });
  let over = false;
  world.directory = (real, acting) => ({
    ...real,
    lastPasswordChange: async (id) => {
      if (over && acting.kind === 'grant') throw new Problem('signInAgain');
      return real.lastPasswordChange(id);
    },
    grant: async () => ({ identity: 'none', secret: new Secret('of this hour') }),
  });
  const { id } = await started(world);
  await world.walk();
  over = true;
  await world.pass(2 * hour);
  expect((await world.see(id)).needsYou).toBeUndefined();
  await world.pass(24 * hour);
  expect(await world.see(id)).toMatchObject({ state: 'expired', needsYou: 'signInAgain' });
  expect(await sealed(world)).toBeNull();
});

test('a connector does not start on another directory while resets are not finished', async () => {
  await using world = await makeWorld({ names: ['globalAdmin', 'amara'] });
  const { id } = await started(world);
  const graph = {
    RR_DIRECTORY: 'graph://0f6e2d3c-1111-4222-8333-444455556666',
    RR_CLIENT_ID: '0190f5c3-7a11-4222-8333-444455556666',
    RR_CLIENT_SECRET: 'secret',
    RR_EXTENSION_CLIENT_ID: '0190f5c3-7a11-4222-8333-444455557777',
  };
  const sql = { ...world.sql, close: async () => {} };
  await expect(makeWorld({ sql, env: graph, names: [] })).rejects.toThrow(
    /RR_DIRECTORY was embedded, and 1 reset is not/,
  );
  await world.api('globalAdmin', 'POST', `/resets/${id}/cancel`, {});
  const before = await world.sql.get`select directory from tenant`;
  expect(before).toEqual({ directory: 'embedded' });
});

test('the offer says as whom things happen later', async () => {
  const { world } = await onBehalf();
  await using _ = world;
  const offer = await world.api('globalAdmin', 'GET', `/users/${world.ids.amara}/offer`);
  expect(offer.json<Offer>().later).toBe('admin');
  world.directory = (real) => ({ ...real, grant: async () => ({ identity: 'none' }) });
  expect((await world.api('globalAdmin', 'GET', `/users/${world.ids.amara}/offer`)).json<Offer>().later).toBe('none');
  world.directory = undefined;
  const plain = await world.api('globalAdmin', 'GET', `/users/${world.ids.amara}/offer`);
  expect(plain.json<Offer>().later).toBe('connector');
});

describe('sessions', () => {
  test('that could not be ended are said, and the password is handed over all the same', async () => {
    await using world = await makeWorld({ names: ['globalAdmin', 'amara'] });
    world.directory = (real) => ({
      ...elsewhere(real),
      revokeSessions: async () => ({ outcome: 'failed', problem: new Problem('directoryRefused') }),
    });
    const { id } = await started(world);
    await world.walk();
    const { state, events } = await world.see(id);
    expect(state).toBe('ready');
    expect(events.find(({ name }) => name === 'passwordSet')?.evidence).toBe('sessions not ended');
  });
});

describe('an address', () => {
  test('of a reset that nobody opened keeps no grant, and one whose grant is dead keeps nothing from expiring', async () => {
    const { world, directory } = await onBehalf();
    await using _ = world;
    const { id } = await started(world, { recipient: { address: 'amara.private@post.example' }, remember: true });
    await world.walk();
    const { link } = await world.letter();
    const { holder } = await world.open(link);
    directory.good.clear();
    await world.post(link.id, 'done', { holder: Buffer.from(holder).toString('base64url') });
    await world.pass(hour);
    expect(await world.see(id)).toMatchObject({ state: 'done', needsYou: 'signInAgain' });
    await world.pass(73 * hour);
    const ended = await world.see(id);
    expect(ended).toMatchObject({ state: 'expired', needsYou: 'signInAgain' });
    expect(ended.events.map(({ name }) => name)).toContain('notRemembered');
  });

  const typed = { recipient: { address: 'amara.private@post.example' }, remember: true };
  const homes = async (world: World) => {
    const user = await world.scim('GET', `/Users/${world.ids.amara}`);
    const { emails } = user.json<{ emails: { value: string; type: string }[] }>();
    return emails.filter(({ type }) => type === 'home').map(({ value }) => value);
  };

  test('that has proven to be the person’s is put on file, and not before', async () => {
    await using world = await makeWorld({ names: ['globalAdmin', 'amara'] });
    const { id } = await started(world, typed);
    await world.walk();
    const { link } = await world.letter();
    const { holder } = await world.open(link);
    await world.walk();
    expect(await homes(world)).not.toContain('amara.private@post.example');
    const done = await world.post(link.id, 'done', { holder: Buffer.from(holder).toString('base64url') });
    expect(done.statusCode).toBeLessThan(300);
    await world.walk();
    expect(await homes(world)).toContain('amara.private@post.example');
    expect((await world.see(id)).events.map(({ name }) => name)).toContain('remembered');
  });

  test('that the directory does not take is said', async () => {
    await using world = await makeWorld({ names: ['globalAdmin', 'amara'] });
    world.directory = (real) => ({
      ...real,
      rememberAddress: async () => ({ outcome: 'failed', problem: new Problem('directoryRefused') }),
    });
    const { id } = await started(world, typed);
    await world.walk();
    const { link } = await world.letter();
    const { holder } = await world.open(link);
    await world.post(link.id, 'done', { holder: Buffer.from(holder).toString('base64url') });
    await world.walk();
    const told = (await world.see(id)).events.find(({ name }) => name === 'notRemembered');
    expect(told?.evidence).toBe('directoryRefused');
    await world.pass(hour);
    expect((await world.see(id)).events.filter(({ name }) => name === 'notRemembered')).toHaveLength(1);
  });

  test('is remembered only where it was typed and the organisation allows it', async () => {
    await using world = await makeWorld({ names: ['globalAdmin', 'amara'], env: { RR_POLICY_REMEMBER: 'no' } });
    const refused = await world.reset('globalAdmin', 'amara', typed);
    expect([refused.statusCode, refused.json<{ code: string }>().code]).toEqual([400, 'invalidValue']);
    const offer = await world.api('globalAdmin', 'GET', `/users/${world.ids.amara}/offer`);
    expect(offer.json<Offer>().recipient.mayRemember).toBe(false);
  });
});
