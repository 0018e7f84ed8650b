// People and the organisation, read from Graph: found by object id, user name or alias, searched, and put into the words
// of the port.

import { Problem } from '#shared/problem.ts';
import { type Asking, type GraphAnswer, type GraphClient, NoAnswer, quoted, segment } from '../entra/graph-client.ts';
import { fold } from '../filter/fold.ts';
import type { Organization, User } from './directory.ts';
import { readProblem } from './graph-problem.ts';

/** Never by default: what the port needs is named, or it does not come. */
const properties = [
  ...['id', 'userPrincipalName', 'displayName', 'mail', 'otherMails', 'proxyAddresses', 'accountEnabled', 'userType'],
  ...['onPremisesSyncEnabled', 'mobilePhone', 'preferredLanguage', 'jobTitle', 'department'],
].join(',');

const most = 20;
const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** What could be a user name or an address; all Entra user names have an @. */
const nameLike = /^[^\s@\p{Cc}][^\s\p{Cc}]*@[^\s@\p{Cc}]+$/u;

export interface Reading {
  readonly client: GraphClient;
  readonly now: () => number;
}

/**
 * A GET whose answer is a body; undefined for 404.
 * @param permission named when it is forbidden
 * @throws Problem signInAgain, consentMissing, throttled, unavailable, directoryRefused
 */
export async function readBody(
  { client, now }: Reading,
  path: string,
  permission: string,
  asking: Asking = {},
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const answer = await client.read(path, asking).catch((error: unknown): GraphAnswer => {
    throw error instanceof NoAnswer ? new Problem('unavailable') : error;
  });
  if (answer.status === 404) return undefined;
  if (answer.status !== 200 || !answer.body) throw readProblem(answer, now(), permission);
  return answer.body;
}

/** All pages of a collection, no more than a hundred; undefined for 404. @throws as readBody */
export async function readAll(
  reading: Reading,
  path: string,
  permission: string,
  asking: Asking = {},
): Promise<Readonly<Record<string, unknown>>[] | undefined> {
  const found: Record<string, unknown>[] = [];
  let next: string | undefined = path;
  for (let page = 0; next !== undefined; page++) {
    // A part of somebody's roles is worse than none.
    if (page === 100) throw new Problem('unavailable');
    const { query, ...rest } = asking;
    const body = await readBody(reading, next, permission, page === 0 ? asking : rest);
    if (!body) return page === 0 ? undefined : found;
    if (!Array.isArray(body.value)) throw new Problem('unavailable');
    found.push(...(body.value as Record<string, unknown>[]));
    next = text(body['@odata.nextLink']);
  }
  return found;
}

/** By object id, or by user name in any case, or by an address of the mailbox. */
export async function findPerson(reading: Reading, idOrName: string): Promise<User | undefined> {
  const needs = 'User.Read.All';
  if (guid.test(idOrName)) {
    const body = await readBody(reading, `/users/${segment(idOrName)}`, needs, { query: { $select: properties } });
    return body && personOf(body);
  }
  if (!nameLike.test(idOrName)) return undefined;
  const name = quoted(idOrName);
  const byName = await firstOf(reading, `userPrincipalName eq ${name}`);
  if (byName) return byName;
  return firstOf(reading, `mail eq ${name} or proxyAddresses/any(p:p eq ${quoted(`smtp:${idOrName}`)})`);
}

/** The one person that a filter finds; two would be a guess. */
async function firstOf(reading: Reading, filter: string): Promise<User | undefined> {
  const query = { $filter: filter, $select: properties, $top: '2' };
  const body = await readBody(reading, '/users', 'User.Read.All', { query });
  const found = Array.isArray(body?.value) ? (body.value as Record<string, unknown>[]) : [];
  return found.length === 1 && found[0] ? personOf(found[0]) : undefined;
}

/** By the beginning of a name or address: the whole address first. */
export async function searchPeople(reading: Reading, given: string): Promise<User[]> {
  const wanted = given.trim();
  if (wanted === '') return [];
  const [whole, found] = await Promise.all([
    nameLike.test(wanted) || guid.test(wanted) ? findPerson(reading, wanted) : undefined,
    matching(reading, wanted),
  ]);
  const others = found.filter(({ id }) => id !== whole?.id);
  return [...(whole ? [whole] : []), ...others].slice(0, most);
}

async function matching(reading: Reading, wanted: string): Promise<User[]> {
  // A quotation mark ends the clause, a backslash escapes (Graph, "$search").
  const words = wanted.replace(/["\\]/g, ' ').replace(/\s+/g, ' ').trim();
  if (words === '') return [];
  const clause = (name: string) => `"${name}:${words}"`;
  const $search = ['displayName', 'mail', 'userPrincipalName'].map(clause).join(' OR ');
  const query = { $search, $select: properties, $top: String(most) };
  const headers = { ConsistencyLevel: 'eventual' };
  const answer = await collected(reading, { query, headers });
  if (answer) return answer;
  const start = (name: string) => `startswith(${name},${quoted(wanted)})`;
  const $filter = ['displayName', 'givenName', 'surname', 'mail', 'userPrincipalName'].map(start).join(' or ');
  return (await collected(reading, { query: { $filter, $select: properties, $top: String(most) } })) ?? [];
}

/** The people of a query; undefined when the service does not answer such a one. */
async function collected(reading: Reading, asking: Asking): Promise<User[] | undefined> {
  try {
    const body = await readBody(reading, '/users', 'User.Read.All', asking);
    return Array.isArray(body?.value) ? (body.value as Record<string, unknown>[]).map(personOf) : [];
  } catch (error) {
    if (error instanceof Problem && error.code === 'directoryRefused') return undefined;
    throw error;
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string' && one !== '') : [];
}

/** Each once, in any case. */
function distinct(addresses: readonly string[], seen = new Set<string>()): string[] {
  return addresses.filter((address) => !seen.has(fold(address)) && seen.add(fold(address)));
}

/** A user of Graph as the port has it. @throws Problem unavailable for what is none */
export function personOf(body: Readonly<Record<string, unknown>>): User {
  const id = text(body.id);
  const userPrincipalName = text(body.userPrincipalName);
  if (id === undefined || userPrincipalName === undefined) throw new Problem('unavailable');
  const mail = text(body.mail);
  // Of proxyAddresses only SMTP ones are mailboxes: SIP: and X500: are something else.
  const proxies = texts(body.proxyAddresses).flatMap((one) => /^smtp:(.+)$/i.exec(one)?.[1] ?? []);
  const own = distinct([userPrincipalName, ...(mail === undefined ? [] : [mail]), ...proxies]);
  const optional = {
    mail,
    mobilePhone: text(body.mobilePhone),
    preferredLanguage: text(body.preferredLanguage),
    jobTitle: text(body.jobTitle),
    department: text(body.department),
    userType: body.userType === 'Guest' || body.userType === 'Member' ? body.userType : undefined,
  };
  return {
    id,
    userPrincipalName,
    displayName: text(body.displayName) ?? userPrincipalName,
    otherMails: distinct(texts(body.otherMails), new Set(own.map(fold))),
    proxyAddresses: own,
    accountEnabled: body.accountEnabled === true,
    // null: never synchronised.
    onPremisesSyncEnabled: body.onPremisesSyncEnabled === true,
    ...(Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)) as Partial<User>),
  };
}

/** The tenant's own record. @throws Problem as readBody */
export async function readOrganization(reading: Reading): Promise<Organization> {
  const query = { $select: 'id,displayName,verifiedDomains' };
  const body = await readBody(reading, '/organization', 'Organization.Read.All', { query });
  const [first] = Array.isArray(body?.value) ? (body.value as Record<string, unknown>[]) : [];
  const id = text(first?.id);
  if (!first || id === undefined) throw new Problem('unavailable');
  const domains = Array.isArray(first.verifiedDomains) ? (first.verifiedDomains as { name?: unknown }[]) : [];
  return {
    id,
    displayName: text(first.displayName) ?? id,
    verifiedDomains: domains.flatMap(({ name }) => text(name) ?? []),
  };
}
