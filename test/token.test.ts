// API tokens: what is stored, what opens, when it no longer does.

import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { sealOnce } from '../connector/sealer.ts';
import { revokeClient } from '../connector/store/clients.ts';
import {
  actorOf,
  covers,
  createToken,
  issueAccessToken,
  listTokens,
  mintToken,
  revokeToken,
  rotateToken,
  verifyToken,
} from '../connector/token.ts';
import { makeToken, openStore, start } from './scim/scim-server.ts';

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'accepted',
    ({ code }: { code: string }) => code,
  );

test('a token opens under its tenant; only its hash is stored', async () => {
  const sql = await openStore();
  const text = await makeToken(sql, 'fabrikam');
  expect(text).toMatch(/^rr_[0-9a-f]{16}_[\w-]{43}$/);
  const token = await verifyToken(sql, `Bearer ${text}`, start);
  expect(token).toMatchObject({ tenant: 'fabrikam', name: 'entra', scopes: ['scim'] });
  const secret = text.slice(-43);
  await sealOnce(sql, start);
  const rows = [await sql.all`select * from token`, await sql.all`select * from audit`];
  expect(rows.map(({ length }) => length)).toEqual([1, 1]);
  expect(JSON.stringify(rows)).not.toContain(secret);
  await sql.close();
});

test('a minted token does not print', () => {
  const minted = mintToken(randomBytes);
  expect(inspect(minted) + JSON.stringify(minted)).not.toContain(minted.secret.reveal().slice(-43));
});

test('the scheme is case-insensitive (RFC 9110 §11.1); nothing else is forgiven', async () => {
  const sql = await openStore();
  const text = await makeToken(sql, 'default');
  expect(await codeOf(verifyToken(sql, `bearer ${text}`, start))).toBe('accepted');
  const [, id] = text.split('_');
  for (const header of [
    undefined,
    '',
    text,
    `Basic ${text}`,
    `Bearer ${text}x`,
    `Bearer ${text.toUpperCase()}`,
    `Bearer rr_${id}_${'A'.repeat(43)}`,
  ]) {
    expect([header, await codeOf(verifyToken(sql, header, start))]).toEqual([header, 'unauthorized']);
  }
  await sql.close();
});

test('expiry is to the millisecond, revocation at once, and the other tenant cannot revoke', async () => {
  const sql = await openStore();
  const text = await makeToken(sql, 'default', start, start + 5000);
  const id = text.split('_')[1] as string;
  const by = { at: start, actor: 'operator' };
  expect(await codeOf(verifyToken(sql, `Bearer ${text}`, start + 4999))).toBe('accepted');
  expect(await codeOf(verifyToken(sql, `Bearer ${text}`, start + 5000))).toBe('tokenExpired');
  expect(await codeOf(sql.run((tx) => revokeToken(tx, 'fabrikam', id, by)))).toBe('notFound');
  expect(await sql.run((tx) => revokeToken(tx, 'default', id, by))).toBe(true);
  expect(await sql.run((tx) => revokeToken(tx, 'default', id, by))).toBe(false);
  expect(await codeOf(verifyToken(sql, `Bearer ${text}`, start))).toBe('unauthorized');
  expect(await listTokens(sql, 'default')).toMatchObject([{ id, revoked: start, expires: start + 5000 }]);
  await sql.close();
});

test('the last use is written at most once a minute', async () => {
  let writes = 0;
  const sql = await openStore({
    beforeStatement: ({ text }) => {
      if (text.includes('set last_used')) writes++;
    },
  });
  const text = await makeToken(sql, 'default');
  const lastUsed = async () => (await listTokens(sql, 'default'))[0]?.lastUsed;
  for (const later of [0, 1, 30_000, 59_999]) await verifyToken(sql, `Bearer ${text}`, start + later);
  expect([writes, await lastUsed()]).toEqual([1, start]);
  await verifyToken(sql, `Bearer ${text}`, start + 60_000);
  expect([writes, await lastUsed()]).toEqual([2, start + 60_000]);
  await sql.close();
});

test('two tokens live side by side, so that one can be replaced without a gap', async () => {
  const sql = await openStore();
  const [older, newer] = [await makeToken(sql, 'default'), await makeToken(sql, 'default')];
  const id = older.split('_')[1] as string;
  await sql.run((tx) => revokeToken(tx, 'default', id, { at: start, actor: 'operator' }));
  expect(await codeOf(verifyToken(sql, `Bearer ${older}`, start))).toBe('unauthorized');
  expect(await codeOf(verifyToken(sql, `Bearer ${newer}`, start))).toBe('accepted');
  await sql.close();
});

test('the same token cannot be stored twice', async () => {
  const sql = await openStore();
  const minted = mintToken(randomBytes);
  const token = { tenant: 'default', name: 'x', scopes: ['scim'] as const, at: start, actor: 'operator' };
  await sql.run((tx) => createToken(tx, minted, token));
  await expect(sql.run((tx) => createToken(tx, minted, token))).rejects.toThrow(/UNIQUE|23505/);
  await sql.close();
});

test('an access token is a client’s: it is not listed, cannot be rotated, and ends with its client', async () => {
  const sql = await openStore();
  const long = await makeToken(sql, 'default');
  const client = { tenant: 'default', id: long.split('_')[1] as string, name: 'entra' };
  const minted = mintToken(randomBytes);
  const token = { scopes: ['scim.read'], at: start, expires: start + 3_600_000 };
  await sql.run((tx) => issueAccessToken(tx, minted, client, token));
  const verified = await verifyToken(sql, `Bearer ${minted.secret.reveal()}`, start);
  expect(verified).toMatchObject({ kind: 'access', client: client.id, scopes: ['scim.read'] });
  expect(actorOf(verified)).toBe(`client:${client.id}`);
  expect(await listTokens(sql, 'default')).toHaveLength(1);
  const rotation = { tenant: 'default', id: minted.id, at: start, actor: 'operator', overlap: 1 };
  expect(await codeOf(sql.run((tx) => rotateToken(tx, mintToken(randomBytes), rotation)))).toBe('notFound');
  await sql.run((tx) => revokeClient(tx, 'default', client.id, { at: start, actor: 'operator' }));
  for (const text of [long, minted.secret.reveal()]) {
    expect(await codeOf(verifyToken(sql, `Bearer ${text}`, start))).toBe('unauthorized');
  }
  await sql.close();
});

test('scim is read and write, and never the password', () => {
  for (const scope of ['scim', 'scim.read', 'scim.write'] as const) expect(covers(['scim'], scope)).toBe(true);
  expect(covers(['scim'], 'scim.password')).toBe(false);
  expect(covers(['scim.read', 'scim.write'], 'scim.password')).toBe(false);
  expect(covers(['scim.read'], 'scim.write')).toBe(false);
  expect(covers(['scim.password'], 'scim.read')).toBe(false);
});
