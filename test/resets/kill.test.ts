// Kill -9 between mail and change, on the real thing: a connector process, a database file, a real SMTP server. After
// the restart there is one password, the same mail, and the ladder is right.

import { Buffer } from 'node:buffer';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { importJWK, SignJWT } from 'jose';
import PostalMime from 'postal-mime';
import { SMTPServer } from 'smtp-server';
import { expect, it } from 'vitest';
import type { Reset } from '#shared/api.ts';
import { deriveLink, fromBase64url, openPassword, parseFragment, toBase64url } from '#shared/link.ts';
import type { OpenAnswer } from '#shared/link-open.ts';
import { verifyAudit } from '../../connector/audit.ts';
import { keyring } from '../../connector/secret.ts';
import { readKeys } from '../../connector/signin/keys.ts';
import { openSqlite } from '../../connector/sql/sqlite.ts';
import { tenants } from '../../connector/tenant.ts';
import { cast, roles } from '../people.ts';
import { command, freePort, installation, type Process, startServing } from '../serving.ts';

/** When the connector is killed: as the mail server has the mail and has not answered, or so long after its answer. */
const moments = ['before the 250', 0, 2, 5, 10, 20, 40, 80] as const;

it('kill -9 around the change loses nothing and sets one password', { timeout: 120_000 }, async () => {
  const mails: Buffer[] = [];
  let onMail: (() => Promise<void> | void) | undefined;
  let afterAnswer: (() => void) | undefined;
  const smtp = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    onData(stream, _session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', async () => {
        mails.push(Buffer.concat(chunks));
        await onMail?.();
        done();
        afterAnswer?.();
      });
    },
  });
  smtp.on('error', () => {});
  const smtpPort = await freePort();
  await new Promise<void>((resolve) => smtp.listen(smtpPort, '127.0.0.1', resolve));

  const port = await freePort();
  const base = `http://127.0.0.1:${port}`;
  const here = installation({ RR_MAIL: `smtp://127.0.0.1:${smtpPort}`, RR_PUBLIC_URL: base });
  let serving: Process | undefined;
  try {
    const admin = roles[0]?.user ?? cast.globalAdmin;
    const made = await command(
      here.env,
      ...['user', 'create', '--user-name', admin.userName, '--display-name', admin.displayName],
      ...['--role', 'Global Administrator'],
    );
    const adminId = /Object id: (\S+)/.exec(made.stdout)?.[1] ?? '';
    const token = (await command(here.env, 'token', 'create', '--name', 't', '--scope', 'scim')).stdout
      .trim()
      .split('\n')
      .at(-1);
    serving = await startServing(here.env, port);

    // The sign-in's own key, taken from the database as its owner could: browsers are not what is tried here.
    const sql = openSqlite(here.env.RR_DATABASE?.slice('sqlite:'.length) ?? '');
    const ring = keyring([new Uint8Array(32).fill(3)]);
    const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
    const { signing } = await readKeys({ sql, keyring: ring, now: Date.now, random }, 'default');
    const tenant = await tenants(sql).byId('default');
    const [jwk] = signing;
    if (!tenant || !jwk) throw new Error('The sign-in has no key.');
    const bearer = await new SignJWT({ tid: tenant.tid, oid: adminId, scp: 'Passwords.Reset', ver: '2.0' })
      .setProtectedHeader({ alg: 'RS256', kid: jwk.kid as string })
      .setIssuer(tenant.issuer)
      .setAudience(tenant.clientId)
      .setIssuedAt()
      .setExpirationTime('1h')
      .sign(await importJWK(jwk, 'RS256'));
    const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' };

    for (const [round, moment] of moments.entries()) {
      mails.length = 0;
      const person = Object.values(cast)[round + 3];
      const created = await fetch(`${base}/scim/v2/Users`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
        body: JSON.stringify(person === undefined ? {} : { ...person, active: true }),
      });
      const { id: user } = (await created.json()) as { id: string };
      const killed = new Promise<void>((resolve) => {
        const kill = () => void serving?.end('SIGKILL').then(() => resolve());
        onMail = moment === 'before the 250' ? kill : undefined;
        afterAnswer = moment === 'before the 250' ? undefined : () => setTimeout(kill, moment);
      });
      const body = {
        ...{ user, mode: 'link', forceChangePasswordNextSignIn: true, locale: 'en' },
        recipient: { address: 'someone@post.example' },
      };
      const response = await fetch(`${base}/api/resets`, {
        method: 'POST',
        headers: { ...headers, 'idempotency-key': `kill-round-${round}` },
        body: JSON.stringify(body),
      });
      expect(response.status).toBe(202);
      const { id } = (await response.json()) as Reset;
      await killed;
      [onMail, afterAnswer] = [undefined, undefined];
      serving = await startServing(here.env, port);

      let reset: Reset | undefined;
      for (let tries = 0; tries < 200 && reset?.state !== 'ready'; tries++) {
        reset = (await (await fetch(`${base}/api/resets/${id}`, { headers })).json()) as Reset;
        if (reset.state !== 'ready') await new Promise((resolve) => setTimeout(resolve, 50));
      }
      const told = `killed ${moment === 'before the 250' ? moment : `${moment} ms after it`}`;
      expect(reset?.state, told).toBe('ready');
      const names = reset?.events.map(({ name }) => name).filter((name) => name !== 'deferred');
      expect(names, told).toEqual(['requested', 'prepared', 'accepted', 'passwordSet', 'armed']);
      const ids = new Set(mails.map((mail) => /^Message-ID: (.*)$/im.exec(mail.toString())?.[1]));
      expect([told, ids.size, mails.length <= 2]).toEqual([told, 1, true]);
      expect(new Set(mails.map((mail) => mail.toString())).size, told).toBe(1);

      // The link of the (first) mail opens, and shows what the directory holds.
      const { text = '' } = await PostalMime.parse(mails[0] ?? '');
      const url = new URL(/http:\/\/\S+\/r\/\S+/.exec(text)?.[0] ?? '');
      const fragment = parseFragment(url.hash);
      const linkId = url.pathname.split('/').at(-1) ?? '';
      const keys = await deriveLink({
        id: fromBase64url(linkId) ?? new Uint8Array(),
        key: fragment?.key ?? new Uint8Array(),
      });
      const opened = await fetch(`${base}/r/${linkId}/open`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', origin: base },
        body: JSON.stringify({ proof: toBase64url(keys.proof), holder: toBase64url(random(32)) }),
      });
      const answer = (await opened.json()) as OpenAnswer;
      const password = answer.state === 'open' ? await openPassword(answer, keys.encKey, answer) : undefined;
      const { verify } = await import('@node-rs/argon2');
      const held = await sql.get<{ hash: string }>`select hash from credential where user_id = ${user}`;
      expect(await verify(held?.hash ?? '', password ?? ''), told).toBe(true);
      secretsOf(password ?? '', toBase64url(fragment?.key ?? new Uint8Array()));
    }
    expect((await verifyAudit(sql, 'default')).brokenAt).toBeUndefined();
    await sql.close();
    await serving.end();

    // I5: no password and no key, in any form, in anything that the connector has left behind or said.
    const folder = join(here.folder, 'state');
    const left = readdirSync(folder).map((name) => readFileSync(join(folder, name)).toString('latin1'));
    for (const text of [...left, serving.output()]) {
      for (const secret of secrets) for (const form of forms(secret)) expect(text.includes(form)).toBe(false);
    }
    expect(secrets.length).toBe(2 * moments.length);
  } finally {
    await serving?.end('SIGKILL');
    await new Promise<void>((resolve) => smtp.close(() => resolve()));
    here.remove();
  }
});

const secrets: string[] = [];
function secretsOf(...found: string[]): void {
  secrets.push(...found);
}

function forms(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const utf16 = Buffer.from(secret, 'utf16le').toString('latin1');
  return [
    secret,
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('hex'),
    encodeURIComponent(secret),
    utf16,
  ];
}
