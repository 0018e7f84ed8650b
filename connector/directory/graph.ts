// The directory port over Microsoft Graph: a real Entra tenant, asked with the right of whoever acts. Nothing is kept
// from one request to the next but tokens and what this process has set itself.

import { setTimeout as sleep } from 'node:timers/promises';
import { Problem } from '#shared/problem.ts';
import { type GraphDeps, graphClient, segment } from '../entra/graph-client.ts';
import { grantOf, type RightDeps, rightOf } from '../entra/right.ts';
import { fold } from '../filter/fold.ts';
import type { Acting, Directory, Outcome, PasswordProfile } from './directory.ts';
import { type Attempts, attempts, isOf } from './graph-attempts.ts';
import { graphPasses } from './graph-pass.ts';
import { readTarget, setPassword } from './graph-password.ts';
import { findPerson, personOf, readAll, readBody, readOrganization, searchPeople } from './graph-people.ts';
import { failedWrite, outcomeOfError } from './graph-problem.ts';
import { readStanding } from './graph-standing.ts';

/** A tenant in Graph, for the life of the process: its tokens, and what was set. */
export interface GraphTenant extends GraphDeps, RightDeps {
  readonly attempts: Attempts;
  readonly pause: (milliseconds: number) => Promise<void>;
  /** Milliseconds for setting one password, watching its operation included. */
  readonly total: number;
}

/** Prepares a tenant; nothing is asked yet. */
export function graphTenantOf(
  deps: GraphDeps & RightDeps & { readonly pause?: GraphTenant['pause']; readonly total?: number },
): GraphTenant {
  return { pause: (ms) => sleep(ms), total: 60_000, ...deps, attempts: attempts() };
}

export interface GraphDirectory extends Directory {
  /** As the port has it; `until`: the caller's lease, in milliseconds since the epoch. */
  setPassword(
    id: string,
    profile: PasswordProfile,
    operation: string,
    ifUnchangedSince?: number,
    until?: number,
  ): Promise<Outcome>;
}

/** The directory of a tenant in Graph, asked with somebody's right; for one request or one step of a reset. */
export function graphDirectory(tenant: GraphTenant, acting: Acting): GraphDirectory {
  const { now, pause, total } = tenant;
  const right = rightOf(tenant, acting);
  const client = graphClient(tenant, right);
  const reading = { client, now };
  let organization: ReturnType<Directory['organization']> | undefined;
  let federated: Promise<ReadonlySet<string>> | undefined;

  const isMe = (id: string) => !right.own && acting.kind === 'caller' && acting.caller.id === id;

  return {
    organization() {
      organization ??= readOrganization(reading);
      return organization;
    },

    find: (idOrName) => findPerson(reading, idOrName),

    search: (text) => searchPeople(reading, text),

    standingOf: (id) => readStanding(reading, id, { me: isMe(id), alone: right.own }),

    async obstacle(user) {
      // The second form is what a guest of before userType looks like.
      if (user.userType === 'Guest' || /#EXT#@/i.test(user.userPrincipalName)) return new Problem('targetGuest');
      const domain = fold(user.userPrincipalName.slice(user.userPrincipalName.lastIndexOf('@') + 1));
      federated ??= readFederated();
      if ((await federated).has(domain)) return new Problem('targetFederated', { domain });
      if (!user.onPremisesSyncEnabled) return undefined;
      if (right.own) return new Problem('targetSynced', { reason: 'appOnly' });
      return (await writesBack()) === false ? new Problem('targetSynced') : undefined;
    },

    setPassword(id, profile, operation, ifUnchangedSince, until) {
      const deps = { client, now, pause, total, attempts: tenant.attempts, mayResetSynced: !right.own };
      return setPassword(deps, { id, profile, operation, ifUnchangedSince, until });
    },

    async revokeSessions(id) {
      return writing(async () => {
        const answer = await client.write('POST', `/users/${segment(id)}/revokeSignInSessions`, undefined);
        // 200 with `true`, and 204 has been seen.
        if (answer.status === 200 || answer.status === 204) return { outcome: 'done', at: now() };
        // A Password Administrator may reset, and not do this.
        if (answer.status === 403) return { outcome: 'failed', problem: new Problem('sessionsNotEnded') };
        return failedWrite(answer, now());
      });
    },

    async lastPasswordChange(id) {
      const target = await readTarget(reading, id);
      if (target?.changedAt === undefined) return undefined;
      const at = target.changedAt;
      const last = tenant.attempts.of(id);
      if (!last || !isOf(last, at)) return { at, by: { kind: 'unknown' } };
      return { at, by: { kind: 'operation', operation: last.operation } };
    },

    rememberAddress: (id, address) => writing(() => remember(id, address)),

    // The connector itself is given no permission to make them.
    ...(right.own ? {} : { temporaryAccessPass: graphPasses(reading, () => grantOf(tenant, acting)) }),

    ahead: client.ahead,

    grant: () => grantOf(tenant, acting),
  };

  async function writing(work: () => Promise<Outcome>): Promise<Outcome> {
    try {
      return await work();
    } catch (error) {
      return outcomeOfError(error);
    }
  }

  async function remember(id: string, address: string): Promise<Outcome> {
    const query = { $select: 'id,userPrincipalName,mail,proxyAddresses,otherMails' };
    const body = await readBody(reading, `/users/${segment(id)}`, 'User.Read.All', { query });
    if (!body) return { outcome: 'failed', problem: new Problem('targetUnknown') };
    // As they stand there: those that are the person's own mailbox too are not ours to take away.
    const otherMails = Array.isArray(body.otherMails) ? (body.otherMails as string[]) : [];
    const known = [...otherMails, ...personOf(body).proxyAddresses];
    if (known.some((one) => fold(one) === fold(address))) return { outcome: 'done', at: now() };
    const answer = await client.write('PATCH', `/users/${segment(id)}`, { otherMails: [...otherMails, address] });
    if (answer.status === 204 || answer.status === 200) return { outcome: 'done', at: now() };
    return failedWrite(answer, now());
  }

  /** Domains that sign in elsewhere. Where that cannot be read, it does not stand in the way: Graph itself will refuse. */
  async function readFederated(): Promise<ReadonlySet<string>> {
    try {
      const domains = await readAll(reading, '/domains', 'Domain.Read.All', {
        query: { $select: 'id,authenticationType' },
      });
      const found = (domains ?? []).filter(({ authenticationType }) => /^federated$/i.test(String(authenticationType)));
      return new Set(found.map(({ id }) => fold(String(id))));
    } catch (error) {
      if (isForbidden(error)) return new Set();
      throw error;
    }
  }

  /**
   * Are passwords written back to Active Directory? Only a Global Administrator may read it, with a permission that is
   * asked of nobody (OnPremDirectorySynchronization.Read.All): undefined where it cannot be read.
   */
  async function writesBack(): Promise<boolean | undefined> {
    try {
      const body = await readBody(
        reading,
        '/directory/onPremisesSynchronization',
        'OnPremDirectorySynchronization.Read.All',
      );
      const found = (Array.isArray(body?.value) ? body.value[0] : body) as
        | { features?: { passwordWritebackEnabled?: unknown } }
        | undefined;
      const value = found?.features?.passwordWritebackEnabled;
      return typeof value === 'boolean' ? value : undefined;
    } catch (error) {
      if (isForbidden(error)) return undefined;
      throw error;
    }
  }
}

/** Asked and refused, also by a service that does not know the question. */
function isForbidden(error: unknown): boolean {
  return error instanceof Problem && (error.code === 'consentMissing' || error.code === 'directoryRefused');
}
