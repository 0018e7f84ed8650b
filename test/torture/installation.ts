// One installation under torture: a folder with a real database, a mail server, and a connector process that is started
// again as often as it dies. People and roles are put in as the commands would.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { importJWK, SignJWT } from 'jose';
import { generate } from 'selfsigned';
import { readConfig } from '../../connector/config.ts';
import { openMasterKey } from '../../connector/master-key.ts';
import { roleTemplates } from '../../connector/policy/roles.ts';
import { readKeys } from '../../connector/signin/keys.ts';
import { openState } from '../../connector/state.ts';
import { argon2id, changePassword, hashing } from '../../connector/store/credentials.ts';
import { assignRole } from '../../connector/store/roles.ts';
import type { UserContent } from '../../connector/store/user-resource.ts';
import { createUser } from '../../connector/store/users.ts';
import { uuidv7 } from '../../connector/store/uuid.ts';
import { cast } from '../people.ts';
import { installation as folderOf, freePort } from '../serving.ts';
import type { Draw } from './draw.ts';
import { leanConnector } from './lean.ts';
import { type TortureMail, tortureMail } from './mail-server.ts';
import type { Breach, FromMortal, Plan, ToMortal } from './plan.ts';

export const publicHost = 'connector.contoso.example';
export const origin = `https://${publicHost}`;
/** What everybody has before the first reset. */
export const firstPassword = 'Old-and-worn-Shoes-11';

export interface Person {
  readonly id: string;
  readonly userName: string;
}

export interface Installation {
  readonly folder: string;
  readonly database: string;
  readonly env: Readonly<Record<string, string>>;
  readonly port: number;
  readonly mail: TortureMail;
  readonly admins: readonly (Person & { readonly bearer: string })[];
  readonly people: readonly Person[];
  /** What the directory was told by any of the processes, by operation. */
  readonly told: Map<string, Set<string>>;
  /** When processes were killed, in milliseconds since the epoch. */
  readonly kills: number[];
  /** All that the processes have said. */
  output(): string;
  /** Starts a connector that follows a plan, and waits until it serves. False: it died before. */
  start(plan: Plan, breach?: Breach): Promise<boolean>;
  /** Resolves when the running process has ended; true when it was killed. */
  ended(): Promise<boolean>;
  kill(): void;
  /** No file of the running process may grow beyond so many bytes, from now on; undefined: as it was. Needs no root. */
  quota(bytes?: number): void;
  /** Moves its clock on, now and for all that follow; resolves when the running process has it, or is gone. */
  shift(milliseconds: number): Promise<void>;
  /** What its clock is ahead by, in milliseconds. */
  readonly ahead: number;
  [Symbol.asyncDispose](): Promise<void>;
}

let certificate: Promise<{ key: string; cert: string }> | undefined;

/** Makes one: nothing is running yet. @param people how many can be reset */
export async function tortureInstallation(
  draw: Draw,
  options: { people: number; drip: number; env?: Readonly<Record<string, string>> },
): Promise<Installation> {
  certificate ??= generate([{ name: 'commonName', value: publicHost }], {
    ...{ keyType: 'ec', algorithm: 'sha256' },
  } as Parameters<typeof generate>[1]).then(({ private: key, cert }) => ({ key, cert }));
  const { key, cert } = await certificate;
  const entry = await leanConnector();
  const mail = await tortureMail(draw.fork(), options.drip);
  const port = await freePort();
  const here = folderOf({
    RR_MAIL: `smtp://127.0.0.1:${mail.port}`,
    RR_PUBLIC_URL: origin,
    RR_LISTEN: `127.0.0.1:${port}`,
    RR_LOG_LEVEL: 'debug',
    ...options.env,
  });
  const tls = { RR_TLS_KEY: join(here.folder, 'tls.key'), RR_TLS_CERT: join(here.folder, 'tls.crt') };
  writeFileSync(tls.RR_TLS_KEY, key, { mode: 0o600 });
  writeFileSync(tls.RR_TLS_CERT, cert);
  const env: Record<string, string> = { ...here.env, ...tls };
  const database = (env.RR_DATABASE ?? '').slice('sqlite:'.length);
  const { admins, people } = await settle(env, database, options.people);

  let child: ChildProcess | undefined;
  let ended = Promise.resolve(true);
  let ahead = 0;
  /** As far as the running process has heard. */
  let heard = 0;
  let starts = 0;
  mail.clock = () => Date.now() + heard;
  const output: string[] = [];
  const told = new Map<string, Set<string>>();
  const kills: number[] = [];

  function hear(message: FromMortal, ready: () => void): void {
    if (message.kind === 'ready') {
      ready();
      return;
    }
    if (message.kind === 'shifted') {
      heard = message.shift;
      return;
    }
    const { operation, password } = message;
    told.set(operation, (told.get(operation) ?? new Set()).add(password));
  }

  async function start(plan: Plan, breach?: Breach): Promise<boolean> {
    const more = {
      TORTURE_PLAN: JSON.stringify(plan),
      TORTURE_SHIFT: String(ahead),
      ...(breach === undefined ? {} : { TORTURE_BREACH: breach }),
      // Its modules need not be stripped of their types and compiled each time.
      NODE_COMPILE_CACHE: join(here.folder, 'compiled'),
      ...(starts++ < 2 ? { TORTURE_WARM: 'yes' } : {}),
    };
    const stdio = ['ignore', 'pipe', 'pipe', 'ipc'] as const;
    heard = ahead;
    const one = spawn(process.execPath, [entry], { env: { ...env, ...more }, stdio: [...stdio] });
    child = one;
    mail.process++;
    for (const stream of [one.stdout, one.stderr]) stream?.on('data', (chunk: Buffer) => output.push(chunk.toString()));
    ended = new Promise((resolve) => {
      one.once('exit', (_code, signal) => {
        if (signal === 'SIGKILL') kills.push(Date.now());
        mail.onMoment = () => {};
        resolve(signal === 'SIGKILL');
      });
    });
    const ready = new Promise<true>((resolve) => {
      one.on('message', (message: FromMortal) => hear(message, () => resolve(true)));
    });
    if (plan.at === 'mail') {
      let left = plan.nth;
      mail.onMoment = (moment) => {
        if (moment === plan.moment && --left === 0) one.kill('SIGKILL');
      };
    }
    const up = await Promise.race([ready, ended.then(() => false)]);
    if (!up && one.exitCode !== null) throw new Error(`The connector ended by itself: ${output.slice(-20).join('')}`);
    if (up && plan.at === 'time') setTimeout(() => one.kill('SIGKILL'), plan.after);
    return up;
  }

  return {
    ...{ folder: here.folder, database, env, port, mail, admins, people, told, kills, start },
    output: () => output.join(''),
    ended: () => ended,
    kill: () => void child?.kill('SIGKILL'),
    // The soft limit alone, which its owner may raise again. Node ignores the signal, so the write fails.
    quota: (bytes) => void execFileSync('prlimit', ['--pid', String(child?.pid), `--fsize=${bytes ?? 'unlimited'}:`]),
    async shift(milliseconds) {
      ahead += milliseconds;
      const message: ToMortal = { kind: 'shift', shift: ahead };
      if (child?.connected) child.send(message, () => {});
      // Whoever looked at leases by a clock that the process has not got yet would take one that it has just taken for over.
      for (let tries = 0; tries < 500 && heard < ahead && child?.connected; tries++)
        await new Promise((resolve) => setTimeout(resolve, 10));
    },
    get ahead() {
      return ahead;
    },
    async [Symbol.asyncDispose]() {
      child?.kill('SIGKILL');
      await ended;
      await mail[Symbol.asyncDispose]();
      here.remove();
    },
  };
}

/** Puts the people in, and makes the admins' tokens with the sign-in's own key, as the database's owner could. */
async function settle(env: Readonly<Record<string, string>>, database: string, count: number) {
  const { config, lines } = readConfig(env, () => '');
  if (!config) throw new Error(lines.flatMap(({ problem }) => problem ?? []).join('\n'));
  const random = (bytes: number) => randomFillSync(new Uint8Array(bytes));
  const now = Date.now;
  const state = await openState(config, { now, random, env });
  const { sql } = state;
  try {
    const { keyring } = await openMasterKey(sql, config.secretKey, `${database}.key`);
    const tenant = await state.tenants.byId('default');
    const [jwk] = (await readKeys({ sql, keyring, now, random }, 'default')).signing;
    if (!tenant || !jwk) throw new Error('There is no tenant, or no key.');
    const key = await importJWK(jwk, 'RS256');
    const add = async (userName: string, displayName: string): Promise<Person> => {
      const id = uuidv7(now(), random(10));
      const content = {
        ...cast.amara,
        userName,
        displayName,
        externalId: userName,
        emails: [],
        name: { familyName: displayName },
      };
      const by = { at: now(), actor: 'operator' };
      await sql.run((tx) => createUser(tx, 'default', id, content as unknown as UserContent, by));
      return { id, userName };
    };
    const admins: (Person & { bearer: string })[] = [];
    for (const name of ['Gwen', 'Hatice', 'Ivo']) {
      const admin = await add(`${name.toLowerCase()}@contoso.example`, name);
      const role = roleTemplates['Global Administrator'];
      await sql.run((tx) => assignRole(tx, 'default', admin.id, role, { at: now(), actor: 'operator' }));
      const claims = { tid: tenant.tid, oid: admin.id, sub: admin.id, scp: 'Passwords.Reset', ver: '2.0', name };
      const bearer = await new SignJWT(claims)
        .setProtectedHeader({ alg: 'RS256', kid: jwk.kid as string })
        .setIssuer(`${origin}/signin/default`)
        .setAudience(tenant.clientId)
        .setIssuedAt()
        .setExpirationTime('5y')
        .sign(key);
      admins.push({ ...admin, bearer });
    }
    const people: Person[] = [];
    const deps = { sql, hashing: hashing({ concurrency: 2, waiting: 64, argon: argon2id }), now };
    for (let i = 0; i < count; i++) {
      const person = await add(`person${i}@contoso.example`, `Person ${i}`);
      people.push(person);
      const change = { password: firstPassword, forceChange: false, changedBy: 'operator' as const };
      await changePassword(deps, 'default', person.id, change);
    }
    return { admins, people };
  } finally {
    await sql.close();
  }
}
