// What survives a restart, what is sealed, and keys that are rotated.

import { decodeProtectedHeader } from 'jose';
import { describe, expect, it } from 'vitest';
import { authenticate } from '../../connector/http/auth.ts';
import { keyring } from '../../connector/secret.ts';
import { keysOf, readKeys, rotateKeys } from '../../connector/signin/keys.ts';
import { tenants } from '../../connector/tenant.ts';
import { cast } from '../people.ts';
import { authorization, openSite, redeemCode, refresh, returned, type Site, visitor } from './visitor.ts';

const { globalAdmin } = cast;
const password = 'Kf7e-rB4m-t9Rz-5hWd';

async function signedIn(site: Site) {
  const visit = visitor(site);
  const { url, verifier } = authorization();
  const answer = await visit.submit(await visit.go(url), { userName: globalAdmin.userName, password });
  const code = returned(answer).get('code') ?? '';
  const { tokens } = await redeemCode(visit, answer, verifier);
  return { visit, tokens, code };
}

/** The same visitor, at another socket. */
function moved(visit: ReturnType<typeof visitor>, site: Site) {
  const next = visitor(site);
  const cookie = visit
    .cookies()
    .filter(({ name }) => name.startsWith('rr_session'))
    .map(({ name, value }) => `${name}=${value}`)
    .join('; ');
  return { ...next, quiet: (url: string) => next.send('GET', url, undefined, { cookie }) };
}

describe('a restart', () => {
  it('keeps sessions, refresh tokens and keys', async () => {
    const first = await openSite();
    await first.person(globalAdmin, password);
    const { visit, tokens } = await signedIn(first);
    await first[Symbol.asyncDispose]();

    await using second = await openSite({ sql: first.sql, at: first.now() });
    const again = moved(visit, second);
    const { url, verifier } = authorization({ prompt: 'none' });
    const answer = await again.quiet(url);
    expect(returned(answer).get('code')).toBeTruthy();
    const fresh = await redeemCode(again, answer, verifier);
    expect(decodeProtectedHeader(fresh.tokens.access_token).kid).toBe(decodeProtectedHeader(tokens.access_token).kid);
    expect((await refresh(again, tokens.refresh_token)).tokens.access_token).toBeTruthy();
    const deps = { tenants: tenants(second.sql), keysOf: keysOf(second.deps), now: second.now };
    await expect(authenticate(deps, `Bearer ${tokens.access_token}`)).resolves.toBeTruthy();
  });

  it('with the master key rotated keeps them, too', async () => {
    const [old, next] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)] as const;
    const first = await openSite({ ring: keyring([old]) });
    await first.person(globalAdmin, password);
    const { visit } = await signedIn(first);
    await first[Symbol.asyncDispose]();
    await using second = await openSite({ sql: first.sql, ring: keyring([next, old]), at: first.now() });
    const answer = await moved(visit, second).quiet(authorization({ prompt: 'none' }).url);
    expect(returned(answer).get('code')).toBeTruthy();
  });

  it('with another master key says so, rather than making new keys', async () => {
    await using site = await openSite();
    await readKeys(site.deps, 'default');
    const other = { ...site.deps, keyring: keyring([Buffer.alloc(32, 9)]) };
    await expect(readKeys(other, 'default')).rejects.toMatchObject({ name: 'SealError' });
    expect(await site.sql.all`select id from oidc_key`).toHaveLength(2);
  });
});

describe('at rest', () => {
  it('nothing that a browser or the extension holds is in the database in clear', async () => {
    await using site = await openSite();
    const id = await site.person(globalAdmin, password);
    const { visit, tokens, code } = await signedIn(site);
    const rows = await site.sql.all`select * from oidc_model`;
    expect(rows.length).toBeGreaterThanOrEqual(4);
    const keys = await readKeys(site.deps, 'default');
    const stored = JSON.stringify([rows, await site.sql.all`select * from oidc_key`]);
    const secrets = [
      ...[tokens.refresh_token, tokens.access_token, code, password],
      ...visit.cookies().map(({ value }) => value),
      ...keys.cookies,
      ...keys.signing.flatMap(({ d, p, n }) => [d, p, n]),
    ];
    for (const secret of secrets) {
      expect(secret?.length).toBeGreaterThan(10);
      expect(stored).not.toContain(secret);
    }
    // What a person's sessions are found by when they are to end.
    expect(rows.map(({ account }) => account)).toContain(id);
    expect(site.logged.join('')).not.toContain(tokens.refresh_token);
  });

  it('what has expired is swept as the next things are written', async () => {
    await using site = await openSite();
    await site.person(globalAdmin, password);
    await signedIn(site);
    const visit = visitor(site);
    await visit.go(authorization().url);
    const before = (await site.sql.all`select id from oidc_model`).map(({ id }) => id);
    site.pass(15 * 24 * 3_600_000);
    await visit.go(authorization().url);
    const after = await site.sql.all<{ id: string }>`select id from oidc_model`;
    expect(after).toHaveLength(1);
    expect(before).not.toContain(after[0]?.id);
  });
});

describe('signing keys', () => {
  it('are made once, even by two that start at the same moment', async () => {
    await using site = await openSite();
    const [a, b] = await Promise.all([readKeys(site.deps, 'default'), readKeys(site.deps, 'default')]);
    expect(a).toEqual(b);
    expect(a.signing).toHaveLength(1);
    expect(a.cookies).toHaveLength(1);
  });

  it('are each tenant’s own', async () => {
    await using site = await openSite();
    const [a, b] = [await readKeys(site.deps, 'default'), await readKeys(site.deps, 'fabrikam')];
    expect(a.signing[0]?.kid).not.toBe(b.signing[0]?.kid);
  });

  it('rotate: the newest signs, the older ones still count, a running validator finds the new one', async () => {
    const first = await openSite();
    await first.person(globalAdmin, password);
    const { visit, tokens } = await signedIn(first);
    const deps = { tenants: tenants(first.sql), keysOf: keysOf(first.deps), now: first.now };
    await authenticate(deps, `Bearer ${tokens.access_token}`);
    first.pass(1);
    await rotateKeys(first.deps, 'default');
    await first[Symbol.asyncDispose]();

    await using second = await openSite({ sql: first.sql, at: first.now() });
    const again = moved(visit, second);
    const { url, verifier } = authorization({ prompt: 'none' });
    const fresh = await redeemCode(again, await again.quiet(url), verifier);
    const kid = decodeProtectedHeader(fresh.tokens.access_token).kid;
    expect(kid).toBe((await readKeys(second.deps, 'default')).signing[0]?.kid);
    expect(kid).not.toBe(decodeProtectedHeader(tokens.access_token).kid);
    await expect(authenticate(deps, `Bearer ${fresh.tokens.access_token}`)).resolves.toBeTruthy();
    await expect(authenticate(deps, `Bearer ${tokens.access_token}`)).resolves.toBeTruthy();
  });
});
