// Administrators and recipients of a cluster: whoever asks goes through the balancer, and asks again with the same
// Idempotency-Key until there is an answer; whoever got a link opens it, signs in and chooses a password.

import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:https';
import PostalMime from 'postal-mime';
import type { Reset } from '#shared/api.ts';
import { deriveLink, fromBase64url, type Link, openPassword, parseFragment, toBase64url } from '#shared/link.ts';
import type { OpenAnswer } from '#shared/link-open.ts';
import { visitor } from '../signin/visitor.ts';
import { type Cluster, type Name, origin, publicHost, random } from './cluster.ts';
import type { Admin, Person } from './settle.ts';

export interface Answer {
  readonly status: number;
  readonly servedBy: string | undefined;
  readonly text: string;
}

export interface Sending {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** This very connector, whether it is ready or not. */
  readonly to?: Name;
  /** How long the client waits; milliseconds. */
  readonly patience?: number;
}

const agent = new Agent({ keepAlive: false });
export const pause = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

/** What a client sends besides its method and path. */
export function optionsOf({ balancer }: Cluster, method: string, path: string, headers: Record<string, string>) {
  const tls = { servername: 'localhost', rejectUnauthorized: false, agent };
  return { host: '127.0.0.1', port: balancer.port, method, path, headers: { host: publicHost, ...headers }, ...tls };
}

/** One try. Rejects when there is no whole answer. */
export function once(cluster: Cluster, method: string, path: string, sending: Sending = {}): Promise<Answer> {
  const { headers = {}, body, to, patience = 60_000 } = sending;
  const text = body === undefined ? '' : JSON.stringify(body);
  const all = {
    ...headers,
    ...(to === undefined ? {} : { 'x-to': to }),
    ...(body === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) }),
  };
  return new Promise((resolve, reject) => {
    const outgoing = request(optionsOf(cluster, method, path, all), (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () => {
        const answered = Buffer.concat(chunks).toString('utf8');
        const servedBy = incoming.headers['x-served-by'] as string | undefined;
        if (incoming.complete) resolve({ status: incoming.statusCode ?? 0, servedBy, text: answered });
        else reject(new Error('cut off'));
      });
    });
    outgoing.on('error', reject);
    outgoing.setTimeout(patience, () => outgoing.destroy(new Error('no answer')));
    outgoing.end(text);
  });
}

/** Until there is an answer that is not the balancer's or a connector's excuse. @throws Error after two minutes */
export async function insist(cluster: Cluster, method: string, path: string, sending?: Sending): Promise<Answer> {
  let last: unknown;
  for (const until = Date.now() + 120_000; Date.now() < until; await pause(50)) {
    try {
      const answer = await once(cluster, method, path, { patience: 3000, ...sending });
      if (![502, 503, 504].includes(answer.status)) return answer;
      last = `${answer.status} ${answer.text}`;
    } catch (error) {
      last = error;
    }
  }
  throw new Error(`${method} ${path} was not answered: ${last}`);
}

/** A reset that an administrator has been promised. */
export interface Begun {
  readonly id: string;
  readonly key: string;
  readonly person: Person;
  readonly address: string;
}

/** What was promised to people, and what they were shown. */
export class Ledger {
  readonly begun: Begun[] = [];
  /** Passwords that links have shown, by reset. */
  readonly shown = new Map<string, Set<string>>();
  /** The last password that a person has chosen and been told it holds. */
  readonly chosen = new Map<string, string>();
}

export const bearerOf = ({ bearer }: Admin) => ({ authorization: `Bearer ${bearer}` });

export function wanted(person: Person, address: string, more: Readonly<Record<string, unknown>> = {}) {
  const body = { user: person.id, mode: 'link', forceChangePasswordNextSignIn: true, locale: 'en', ...more };
  return { ...body, recipient: { address } };
}

/** Begins a reset, however often it takes. @throws Error when it is refused */
export async function begin(
  cluster: Cluster,
  ledger: Ledger,
  options: {
    readonly person?: Person;
    readonly to?: Name;
    readonly address?: string;
    readonly supersede?: string;
  } = {},
): Promise<Begun> {
  const { person = cluster.settled.next(), address = `${randomUUID()}@post.example`, to, supersede } = options;
  const key = `key-${randomUUID()}`;
  const headers = { ...bearerOf(cluster.settled.admins[0]), 'idempotency-key': key };
  const body = wanted(person, address, supersede === undefined ? {} : { supersede });
  const answer = await insist(cluster, 'POST', '/api/resets', { headers, body, ...(to === undefined ? {} : { to }) });
  if (answer.status !== 202) throw new Error(`The reset was refused: ${answer.status} ${answer.text}`);
  const begun = { id: (JSON.parse(answer.text) as Reset).id, key, person, address };
  ledger.begun.push(begun);
  return begun;
}

/** A reset as any of the connectors tells it. */
export async function see(cluster: Cluster, id: string, to?: Name): Promise<Reset> {
  const headers = bearerOf(cluster.settled.admins[0]);
  const answer = await insist(cluster, 'GET', `/api/resets/${id}`, { headers, ...(to === undefined ? {} : { to }) });
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
  return JSON.parse(answer.text) as Reset;
}

/** The link of a mail. @throws Error when there is none */
export async function linkOf(mail: Buffer): Promise<Link> {
  const { text = '' } = await PostalMime.parse(mail);
  const { pathname, hash } = new URL(/https:\/\/\S+\/r\/[\w-]+#[\w.-]+/.exec(text)?.[0] ?? '');
  const key = parseFragment(hash)?.key;
  const id = fromBase64url(pathname.split('/').at(-1) ?? '', 16);
  if (!key || !id) throw new Error('The mail has no link.');
  return { id, key };
}

const fromPage = { origin, 'sec-fetch-site': 'same-origin' };

/** What the page does when "Show password" is pressed: the answer, and the password where it opened. */
export async function open(
  cluster: Cluster,
  ledger: Ledger,
  { id, address }: Begun,
  options: { readonly holder?: Uint8Array; readonly to?: Name } = {},
): Promise<{ readonly answer: OpenAnswer; readonly password?: string; readonly link: Link }> {
  const { holder = random(32), to } = options;
  const link = await linkOf(await letterTo(cluster, id, address));
  const keys = await deriveLink(link);
  const path = `/r/${toBase64url(link.id)}/open`;
  const body = { proof: toBase64url(keys.proof), holder: toBase64url(holder) };
  for (const until = Date.now() + 60_000; ; await pause(50)) {
    const sending = { headers: fromPage, body, ...(to === undefined ? {} : { to }) };
    const { status, text } = await insist(cluster, 'POST', path, sending);
    if (status !== 200) throw new Error(`A right proof was answered ${status} ${text}.`);
    const answer = JSON.parse(text) as OpenAnswer;
    if (answer.state === 'notReady' && Date.now() < until) continue;
    if (answer.state !== 'open') return { answer, link };
    const password = await openPassword(answer, keys.encKey, answer);
    if (password === undefined) throw new Error('What the link shows does not decrypt.');
    ledger.shown.set(id, (ledger.shown.get(id) ?? new Set()).add(password));
    return { answer, password, link };
  }
}

/** The mail for an address; after a minute it is told what holds it up. */
async function letterTo(cluster: Cluster, id: string, address: string): Promise<Buffer> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), 60_000);
  });
  const mail = await Promise.race([cluster.mail.letter(address), late]);
  clearTimeout(timer);
  if (mail) return mail;
  const row = await cluster.sql.get`select state, needs_you, why, next_attempt_at, mail_attempts, epoch from reset
    where id = ${id}`;
  const job = await cluster.sql.get`select due_at, leased_until, attempts, epoch from job where ref = ${id}`;
  const said = Object.entries(cluster.nodes).map(([name, node]) => `${name}: ${node.output().slice(-1500)}`);
  throw new Error(`No mail for ${id} at ${cluster.now()}: ${JSON.stringify([row, job])}\n${said.join('\n')}`);
}

/** What connectors have called errors. */
function mistakes({ nodes }: Cluster): string[] {
  return Object.entries(nodes).flatMap(([name, node]) =>
    node
      .output()
      .split('\n')
      .filter((line) => line.includes('"level":"error"'))
      .slice(-3)
      .map((line) => `${name}: ${line}`),
  );
}

/** Signs in with the password that was shown, and chooses one: each step at whichever connector comes next. */
export async function signIn(cluster: Cluster, ledger: Ledger, person: Person, password: string): Promise<void> {
  const own = `My-own-Choice-${toBase64url(random(9))}`;
  const isGone = (status: number) => status === 502 || status === 503;
  let mayBeChosen = false;
  for (let tries = 1; ; tries++) {
    const visit = visitor(cluster.balancer);
    const asked = await visit.go(`${origin}/signin/default/account?login_hint=${encodeURIComponent(person.userName)}`);
    const choose = asked.status === 200 ? await visit.submit(asked, { userName: person.userName, password }) : asked;
    if (choose.text.includes('newPassword')) {
      const done = await visit.submit(choose, { newPassword: own, repeat: own }, '/password');
      if (isGone(done.status) && tries < 20) {
        // It may have been changed all the same: then the temporary one no longer signs in.
        mayBeChosen = true;
        continue;
      }
      if (done.status !== 200) throw new Error(`The password could not be changed: ${done.status} ${done.text}`);
      return void ledger.chosen.set(person.id, own);
    }
    // Whether it holds is looked at in the end (check.ts).
    if (mayBeChosen && !isGone(choose.status)) return void ledger.chosen.set(person.id, own);
    // Nothing was done yet: whoever meets a connector that has just gone begins anew.
    if (!isGone(choose.status) || tries === 20)
      throw new Error(
        `The password does not sign in: ${choose.status} ${choose.text.slice(0, 2000)}\n${mistakes(cluster).join('\n')}`,
      );
    await pause(100);
  }
}

/** The person's whole way: opens, signs in, chooses. */
export async function receive(cluster: Cluster, ledger: Ledger, begun: Begun): Promise<void> {
  const { password, answer } = await open(cluster, ledger, begun);
  if (password === undefined) throw new Error(`The link of reset ${begun.id} says ${answer.state}.`);
  await signIn(cluster, ledger, begun.person, password);
}
