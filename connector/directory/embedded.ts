// The directory port over the embedded store: people as sync clients brought them, in the words of Microsoft Graph.

import { Problem } from '#shared/problem.ts';
import { fold } from '../filter/fold.ts';
import { Secret } from '../secret.ts';
import { isCommitUnknown, type Sql, type Tx, type Work } from '../sql/sql.ts';
import {
  type ChangedBy,
  changePassword,
  endSessions,
  type Hashing,
  isOurOperation,
  readCredential,
} from '../store/credentials.ts';
import { standingOf } from '../store/roles.ts';
import { givePass, makePass, readPass, type TemporaryAccessPass, takePass } from '../store/temporary-access-pass.ts';
import {
  enterpriseUser,
  graphUser,
  mailboxesOf,
  mailOf,
  mobilePhoneOf,
  shownName,
  type UserContent,
  userTypeOf,
} from '../store/user-resource.ts';
import { searchUsers } from '../store/user-search.ts';
import { contentOf, readStored, type StoredUser, updateUser, userById, userByName } from '../store/users.ts';
import { uuidv7 } from '../store/uuid.ts';
import type { Tenant } from '../tenant.ts';
import type { Directory, NotDone, Outcome, TemporaryAccessPasses, User } from './directory.ts';

export interface EmbeddedDeps {
  readonly sql: Sql;
  readonly hashing: Hashing;
  readonly random: (bytes: number) => Uint8Array;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** The directory of one tenant. */
export function embeddedDirectory({ sql, hashing, random, now }: EmbeddedDeps, tenant: Tenant): Directory {
  const exists = (id: string) => userById(sql, tenant.id, id).then((user) => user !== undefined);
  const unknownTarget = (): Outcome => ({ outcome: 'failed', problem: new Problem('targetUnknown') });
  return {
    // Only what an operator has said counts as verified: a guest's userName must not make a domain the organisation's.
    organization: async () => ({ id: tenant.tid, displayName: tenant.name, verifiedDomains: tenant.domains }),

    async find(idOrName) {
      const found = (await userById(sql, tenant.id, idOrName)) ?? (await userByName(sql, tenant.id, idOrName));
      return found && asDirectoryUser(found);
    },

    search: async (text) => (await sql.run((tx) => searchUsers(tx, tenant.id, text))).map(asDirectoryUser),

    standingOf: (id) => sql.read((tx) => standingOf(tx, tenant.id, id)),

    obstacle: async () => undefined,

    async setPassword(id, profile, operation, ifUnchangedSince, until) {
      return outcomeOf(async () => {
        if (!(await exists(id))) return unknownTarget();
        const seen = await sql.read((tx) => readCredential(tx, tenant.id, id));
        // Asked when the record has been read: a process that was frozen before finds that its time is over, one that is
        // frozen from here on finds another version.
        if (until !== undefined && now() >= until) return tooLate();
        const changedBy = operation as ChangedBy;
        const late = ifUnchangedSince !== undefined && seen !== undefined && seen.changedAt > ifUnchangedSince;
        // Our own earlier attempt, whose answer was lost, is not somebody else's change.
        if (late && seen.changedBy !== changedBy) return { outcome: 'failed', problem: new Problem('stateConflict') };
        const change = await changePassword({ sql, hashing, now }, tenant.id, id, {
          password: profile.password,
          forceChange: profile.forceChangePasswordNextSignIn,
          changedBy,
          ifVersion: seen?.version ?? 0,
        });
        if (change.outcome === 'done') return { outcome: 'done', at: change.at };
        return { outcome: 'failed', problem: new Problem('stateConflict') };
      });
    },

    revokeSessions: (id) =>
      outcomeOf(async () => {
        if (!(await exists(id))) return unknownTarget();
        const at = now();
        await sql.run((tx) => endSessions(tx, tenant.id, id, at));
        return { outcome: 'done', at };
      }),

    async lastPasswordChange(id) {
      const credential = await sql.read((tx) => readCredential(tx, tenant.id, id));
      if (!credential) return undefined;
      const { changedAt: at, changedBy } = credential;
      if (changedBy === 'self') return { at, by: { kind: 'self' } };
      return { at, by: isOurOperation(changedBy) ? { kind: 'operation', operation: changedBy } : { kind: 'other' } };
    },

    rememberAddress: (id, address) =>
      outcomeOf(async () => {
        await sql.run((tx) => putOnFile(tx, tenant.id, id, address, now()));
        return { outcome: 'done', at: now() };
      }),

    endsSessions: true,
    wakes: true,

    temporaryAccessPass: passesOf({ sql, hashing, random, now }, tenant),

    grant: async () => ({ identity: 'connector' }),
  };
}

/** The caller's lease is over: whatever it wanted is another's now. Nothing was done. */
function tooLate(): NotDone {
  return { outcome: 'failed', problem: new Problem('unavailable', { reason: 'late' }) };
}

/** Whether anybody may have one here is the organisation's policy alone (RR_POLICY_TAP). */
function passesOf({ sql, hashing, random, now }: EmbeddedDeps, tenant: Tenant): TemporaryAccessPasses {
  return {
    allowed: async () => ({ maximumLifetimeInMinutes: 43_200 }),

    create: (id, { lifetimeInMinutes, isUsableOnce }, _operation, until) =>
      outcomeOf(async () => {
        const before = (await sql.run((tx) => readPass(tx, tenant.id, id)))?.id;
        // As for a password: either the time or the record tells that another one has gone on.
        if (until !== undefined && now() >= until) return tooLate();
        const value = makePass(random);
        const hash = await hashing.turn((argon) => argon.hash(value));
        const at = now();
        const ends = at + lifetimeInMinutes * 60_000;
        const pass = { id: uuidv7(at, random(10)), hash, created: at, starts: at, ends, once: isUsableOnce };
        await sql.run((tx) => giveTo(tx, tenant.id, id, pass, before));
        return { outcome: 'done', at, id: pass.id, pass: new Secret(value), until: ends };
      }),

    async isUsed(id, passId) {
      const pass = await sql.read((tx) => readPass(tx, tenant.id, id));
      return pass?.id === passId && pass.used !== undefined;
    },

    remove: (id, passId) =>
      outcomeOf(async () => {
        await sql.run((tx) => takeFrom(tx, tenant.id, id, passId, now()));
        return { outcome: 'done', at: now() };
      }),
  };
}

/**
 * @param before the pass that this one is to replace
 * @throws Problem targetUnknown; stateConflict when there is another one by now
 */
function* giveTo(
  tx: Tx,
  tenant: string,
  id: string,
  pass: TemporaryAccessPass & { hash: string },
  before: string | undefined,
): Work<void> {
  if (!(yield* readStored(tx, tenant, id))) throw new Problem('targetUnknown');
  if ((yield* readPass(tx, tenant, id))?.id !== before) throw new Problem('stateConflict');
  yield* givePass(tx, tenant, id, pass, { at: pass.created, actor: 'connector' });
}

function* takeFrom(tx: Tx, tenant: string, id: string, passId: string | undefined, at: number): Work<void> {
  const which = passId ?? (yield* readPass(tx, tenant, id))?.id;
  if (which !== undefined) yield* takePass(tx, tenant, id, which, { at, actor: 'connector' });
}

/** Adds an email of type "home", unless the person has this address already. @throws Problem targetUnknown */
function* putOnFile(tx: Tx, tenant: string, id: string, address: string, at: number): Work<void> {
  if (!(yield* readStored(tx, tenant, id))) throw new Problem('targetUnknown');
  const same = ({ value }: { value?: string }) => fold(value ?? '') === fold(address);
  const added = (content: UserContent): UserContent =>
    content.emails?.some(same) || fold(content.userName) === fold(address)
      ? content
      : { ...content, emails: [...(content.emails ?? []), { value: address, type: 'home' }] };
  yield* updateUser(tx, tenant, id, added, { at, actor: 'connector' });
}

/**
 * What the store refuses is failed and certain: nothing was changed, because its transactions are whole or nothing. But
 * where the answer to a COMMIT was lost, nobody knows.
 */
async function outcomeOf<Done>(work: () => Promise<Done | NotDone>): Promise<Done | NotDone> {
  try {
    return await work();
  } catch (error) {
    if (isCommitUnknown(error)) return { outcome: 'unknown', why: 'commit' };
    if (error instanceof Problem) return { outcome: 'failed', problem: error };
    throw error;
  }
}

/** A stored SCIM User as the port has it. */
export function asDirectoryUser(stored: StoredUser): User {
  const content = contentOf(stored);
  const { own, home } = mailboxesOf(content);
  const mail = mailOf(content)?.value;
  const mobilePhone = mobilePhoneOf(content);
  const language = content.preferredLanguage ?? content.locale;
  const department = content[enterpriseUser]?.department;
  return {
    id: stored.id,
    userPrincipalName: content.userName,
    displayName: shownName(content),
    ...(mail === undefined ? {} : { mail }),
    otherMails: home,
    proxyAddresses: own,
    accountEnabled: content.active,
    onPremisesSyncEnabled: content[graphUser]?.onPremisesSyncEnabled ?? false,
    userType: userTypeOf(content),
    ...(mobilePhone === undefined ? {} : { mobilePhone }),
    ...(language === undefined ? {} : { preferredLanguage: language }),
    ...(content.title === undefined ? {} : { jobTitle: content.title }),
    ...(department === undefined ? {} : { department }),
  };
}
