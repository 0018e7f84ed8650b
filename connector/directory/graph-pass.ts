// Temporary Access Passes of a tenant in Graph (temporaryAccessPassAuthenticationMethod): what its policy allows, making one,
// whether it was used, taking it away.

import { Problem } from '#shared/problem.ts';
import { segment } from '../entra/graph-client.ts';
import { Secret } from '../secret.ts';
import type { Grant, MadePass, NotDone, Outcome, TemporaryAccessPasses } from './directory.ts';
import { type Reading, readBody } from './graph-people.ts';
import { failedWrite, outcomeOfError } from './graph-problem.ts';

const minute = 60_000;
/** In minutes: what a tenant's policy has when nobody has changed it. */
const usual = { least: 60, most: 480 } as const;
/** In minutes: what any policy can have. */
const possible = { least: 10, most: 43_200 } as const;

interface Limits {
  readonly least: number;
  readonly most: number;
}

/**
 * The passes of a tenant, for one request or one step of a reset.
 * @param later what a reset takes along: it is made with that, and not in the connector's own name
 */
export function graphPasses(reading: Reading, later: () => Promise<Grant>): TemporaryAccessPasses {
  const { client, now } = reading;
  let policy: Promise<Limits | undefined> | undefined;
  const limits = () => {
    policy ??= readPolicy(reading);
    return policy;
  };
  const methods = (id: string) => `/users/${segment(id)}/authentication/temporaryAccessPassMethods`;

  async function made(id: string, body: object): Promise<MadePass | NotDone> {
    const answer = await client.write('POST', methods(id), body);
    if (answer.status !== 201) return notDone(failedWrite(answer, now()));
    const pass = passOf(answer.body ?? {}, now());
    if (!pass) return { outcome: 'unknown', why: 'no pass in the answer' };
    // Graph makes one for anybody; whoever is not in the policy cannot sign in with it.
    if (answer.body?.methodUsabilityReason !== 'DisabledByPolicy') return pass;
    await removed(id, pass.id);
    return { outcome: 'failed', problem: new Problem('passNotAllowed') };
  }

  async function removed(id: string, passId: string): Promise<Outcome> {
    const answer = await client.write('DELETE', `${methods(id)}/${segment(passId)}`, undefined);
    // 404: it is no longer there, or the person is not.
    if ([200, 204, 404].includes(answer.status)) return { outcome: 'done', at: now() };
    return failedWrite(answer, now());
  }

  return {
    async allowed(user) {
      if (user.userType === 'Guest' || (await later()).identity === 'connector') return undefined;
      const known = await limits();
      return known && { maximumLifetimeInMinutes: known.most };
    },

    create: (id, { lifetimeInMinutes, isUsableOnce }, _operation, until) =>
      writing(async () => {
        const { least } = (await limits()) ?? possible;
        // This process was frozen: another one may have made, and handed out, the pass that this one would replace.
        if (until !== undefined && now() >= until)
          return { outcome: 'failed', problem: new Problem('unavailable', { reason: 'late' }) };
        return made(id, { lifetimeInMinutes: Math.max(lifetimeInMinutes, least), isUsableOnce });
      }),

    async isUsed(id, passId) {
      const permission = 'UserAuthenticationMethod.ReadWrite.All';
      const body = await readBody(reading, `${methods(id)}/${segment(passId)}`, permission);
      return body?.methodUsabilityReason === 'OneTimeUsed';
    },

    remove: (id, passId) =>
      writing(async () => {
        if (passId !== undefined) return removed(id, passId);
        const permission = 'UserAuthenticationMethod.ReadWrite.All';
        const body = await readBody(reading, methods(id), permission);
        const [there] = Array.isArray(body?.value) ? (body.value as { id?: unknown }[]) : [];
        return typeof there?.id === 'string' ? removed(id, there.id) : { outcome: 'done', at: now() };
      }),
  };
}

/**
 * What the tenant's policy allows; undefined: no passes. Reading it needs a permission that is asked of nobody
 * (Policy.Read.All): where it cannot be read, what is usual is taken for it, and Graph itself will refuse.
 */
async function readPolicy(reading: Reading): Promise<Limits | undefined> {
  const path = '/policies/authenticationMethodsPolicy/authenticationMethodConfigurations/TemporaryAccessPass';
  try {
    const body = await readBody(reading, path, 'Policy.Read.All');
    if (!body) return usual;
    if (body.state === 'disabled') return undefined;
    const within = (value: unknown, otherwise: number) =>
      typeof value === 'number' ? Math.min(possible.most, Math.max(possible.least, value)) : otherwise;
    return {
      least: within(body.minimumLifetimeInMinutes, usual.least),
      most: within(body.maximumLifetimeInMinutes, usual.most),
    };
  } catch (error) {
    if (error instanceof Problem && (error.code === 'consentMissing' || error.code === 'directoryRefused'))
      return usual;
    throw error;
  }
}

function passOf(body: Readonly<Record<string, unknown>>, now: number): MadePass | undefined {
  const { id, temporaryAccessPass: pass, startDateTime, lifetimeInMinutes } = body;
  if (typeof pass !== 'string' || typeof id !== 'string') return undefined;
  const starts = Date.parse(String(startDateTime ?? ''));
  const at = Number.isNaN(starts) ? now : starts;
  return { outcome: 'done', at, id, pass: new Secret(pass), until: at + Number(lifetimeInMinutes ?? 0) * minute };
}

async function writing<Done>(work: () => Promise<Done | NotDone>): Promise<Done | NotDone> {
  try {
    return await work();
  } catch (error) {
    return notDone(outcomeOfError(error));
  }
}

/** What failed is never done, whatever the types say. */
function notDone(outcome: Outcome): NotDone {
  return outcome.outcome === 'done' ? { outcome: 'unknown', why: 'no answer' } : outcome;
}
