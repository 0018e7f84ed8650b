// The offer: one answer draws the dialog for one person and one caller.

import type { Offer } from '#shared/api.ts';
import { type Locale, pickLocale } from '#shared/locale.ts';
import { problemBody } from '#shared/messages/problem.ts';
import { Problem, type ProblemBody } from '#shared/problem.ts';
import type { Directory, DirectoryOf, Grant, Organization, User } from '../directory/directory.ts';
import { askingOnce } from '../directory/once.ts';
import type { Caller } from '../http/auth.ts';
import { addressesOnFile } from '../policy/recipient.ts';
import type { Keyring } from '../secret.ts';
import type { Sql, Tx, Work } from '../sql/sql.ts';
import type { Policy } from '../tenant.ts';
import { authoriseReset, authoriseSearch } from './authorise.ts';
import { passPermission } from './pass.ts';
import { type EventRow, type ResetRow, readEvents, readLive } from './row.ts';
import { addressIds } from './start.ts';
import { toReset } from './view.ts';

export interface OfferDeps {
  readonly sql: Sql;
  readonly directoryOf: DirectoryOf;
  readonly keyring: Keyring;
  readonly now: () => number;
}

/** An ended reset is shown this long, in milliseconds. */
const recent = 72 * 3600_000;

/**
 * What may be proposed for this person. A refusal is part of the answer: the dialog says why, and nothing may be sent.
 * @throws Problem roleMissing (a caller without any role learns nothing of anybody), targetUnknown
 */
export async function makeOffer(deps: OfferDeps, caller: Caller, userId: string, locale: Locale): Promise<Offer> {
  const directory = askingOnce(deps.directoryOf(caller.tenant, { kind: 'caller', caller }));
  const asking = await authoriseSearch(directory, caller.id);
  const user = await directory.find(userId);
  if (!user) throw new Problem('targetUnknown');
  const refusal = await refusalFor(directory, caller, user, locale);
  const last = await deps.sql.read((tx) => readLast(tx, caller.tenant.id, user.id, deps.now() - recent));
  const mayAct = refusal === undefined || refusal.code === 'targetDisabled';
  return {
    ...whom(user, await directory.organization(), asking),
    ...(refusal ? { refusal } : {}),
    ...allowed(caller.tenant.policy),
    temporaryAccessPass:
      !refusal && (await passPermission(directory, caller.tenant.policy, caller.id, user)) !== undefined,
    later: refusal ? 'none' : laterOf((await directory.grant()).identity, caller.tenant.directory),
    // Whoever may not reset the person is not shown where the person's private mail is.
    addresses: refusal
      ? []
      : addressesOnFile(user, (address) => addressIds(deps.keyring, caller.tenant.id, user.id, address)).map(
          ({ id, masked }) => ({ id, masked }),
        ),
    locale: user.preferredLanguage === undefined ? locale : pickLocale(user.preferredLanguage),
    ...(last && mayAct ? { reset: toReset(last.row, last.events, true, locale) } : {}),
  };
}

function laterOf(identity: Grant['identity'], directory: string): Offer['later'] {
  return identity === 'connector' && directory !== 'embedded' ? 'app' : identity;
}

async function refusalFor(
  directory: Directory,
  caller: Caller,
  user: User,
  locale: Locale,
): Promise<ProblemBody | undefined> {
  try {
    await authoriseReset(directory, caller.id, user.id);
    return undefined;
  } catch (error) {
    // That nobody can say so now is no reason why a person may not be reset.
    const unasked = error instanceof Problem && ['throttled', 'unavailable', 'signInAgain'].includes(error.code);
    if (!(error instanceof Problem) || error.status >= 500 || unasked) throw error;
    return problemBody(error, locale);
  }
}

function whom(user: User, organization: Organization, asking: User): Pick<Offer, 'user' | 'organisation' | 'caller'> {
  const person = ({ id, displayName, userPrincipalName }: User) => ({ id, displayName, userPrincipalName });
  const { accountEnabled, jobTitle, department } = user;
  return {
    user: {
      ...person(user),
      accountEnabled,
      ...(jobTitle === undefined ? {} : { jobTitle }),
      ...(department === undefined ? {} : { department }),
    },
    organisation: { id: organization.id, name: organization.displayName, domains: organization.verifiedDomains },
    caller: person(asking),
  };
}

type Allowed = Pick<Offer, 'modes' | 'password' | 'forceChange' | 'recipient' | 'pin' | 'lifetimes'>;

function allowed(policy: Policy): Allowed {
  return {
    modes: ['link'],
    password: { mayCreate: policy.mayCreatePassword, policy: policy.password },
    forceChange: { default: true, mayUntick: policy.mayKeepPassword },
    recipient: { mayType: policy.mayTypeRecipient, mayRemember: policy.mayRemember },
    pin: {
      onFile: policy.pinForOnFile !== 'off',
      typed: policy.pinForTyped !== 'off',
      mayUntick: policy.pinForTyped !== 'required' && policy.pinForOnFile !== 'required',
    },
    lifetimes: { link: policy.linkLifetime, change: policy.changeLifetime },
  };
}

function* readLast(
  tx: Tx,
  tenant: string,
  userId: string,
  since: number,
): Work<{ row: ResetRow; events: EventRow[] } | undefined> {
  const row =
    (yield* readLive(tx, tenant, userId)) ??
    (yield* tx.get<ResetRow>`select * from reset where tenant = ${tenant} and user_id = ${userId}
      and (started_at > ${since} or scramble = 1 or needs_you is not null) order by nth desc limit 1`);
  return row && { row, events: yield* readEvents(tx, tenant, row.id) };
}
