// The pages between an authorization request and its answer (oidc-provider's "interaction"): sign in, and choose a new
// password where the temporary one says so. The interaction's own row remembers who has proved what.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type Provider from 'oidc-provider';
import type { Locale } from '#shared/locale.ts';
import { Problem } from '#shared/problem.ts';
import type { Logger } from '../log.ts';
import { findPerson, type Person } from './accounts.ts';
import { type Notice, newPasswordPage, signInPage } from './pages.ts';
import type { Login } from './provider.ts';
import { chooseNewPassword, type StepDeps, signIn } from './steps.ts';
import { checkOrigin, formOf, localeOf, pageOf, show, type Visit } from './visit.ts';

type Interaction = Awaited<ReturnType<Provider['interactionDetails']>>;

/** Kept in the interaction's `result` between proving the temporary password and choosing another. */
interface MustChange {
  readonly accountId: string;
  readonly version: number;
}

export interface InteractionDeps extends StepDeps {
  readonly log: Logger;
  readonly publicUrl: string;
  /** Of the door: `/signin`. */
  readonly prefix: string;
  readonly visitOf: (request: FastifyRequest) => Promise<Visit>;
}

interface Step {
  readonly visit: Visit;
  readonly interaction: Interaction;
  readonly locale: Locale;
  /** Where this interaction's pages are, and the language that was chosen by hand. */
  readonly path: string;
  readonly query: string;
  readonly reply: FastifyReply;
}

/** GET and POST /:tenant/interaction/:uid, POST …/password, POST …/restart */
export function interactionRoutes(app: FastifyInstance, deps: InteractionDeps): void {
  const path = '/:tenant/interaction/:uid';

  async function begin(request: FastifyRequest, reply: FastifyReply): Promise<Step> {
    if (request.method === 'POST') checkOrigin(request, deps.publicUrl);
    const visit = await deps.visitOf(request);
    const interaction = await visit.provider.interactionDetails(request.raw, reply.raw);
    const { uid } = request.params as { uid: string };
    if (interaction.uid !== uid) throw new Problem('notFound');
    const locale = localeOf(request, interaction.params.ui_locales);
    const byHand = typeof (request.query as { ui_locales?: unknown }).ui_locales === 'string';
    const query = byHand ? `?ui_locales=${locale}` : '';
    return { visit, interaction, locale, path: `${visit.base}/interaction/${uid}`, query, reply };
  }

  app.get(path, async (request, reply) => {
    const step = await begin(request, reply);
    // A client that asks for consent gets it: there is nothing that a person could refuse to our own extension.
    if (step.interaction.prompt.name === 'consent') return finish(step, { consent: {} });
    const mustChange = mustChangeOf(step.interaction);
    if (mustChange) return askNewPassword(step, mustChange);
    const hint = step.interaction.params.login_hint;
    return askPassword(step, 200, typeof hint === 'string' ? hint.slice(0, 320) : '');
  });

  app.post(path, async (request, reply) => {
    const step = await begin(request, reply);
    const form = formOf(request);
    const userName = form.get('userName') ?? '';
    const password = form.get('password') ?? '';
    if (userName.trim() === '' || password === '') return askPassword(step, 400, userName, { kind: 'missing' });

    const { tenant } = step.visit;
    const result = await signIn(deps, tenant, userName, password).catch(busy);
    if (result === 'busy') return askPassword(step, 503, userName, { kind: 'busy' });
    const userId = result.outcome === 'right' ? result.person.user.id : result.userId;
    deps.log.info({ tenant: tenant.id, user: userId, outcome: result.outcome }, 'sign-in');
    switch (result.outcome) {
      case 'wrong':
        return askPassword(step, 403, userName, { kind: 'wrong' });
      case 'blocked':
        return askPassword(step, 403, userName, { kind: 'blocked' });
      case 'wait': {
        const wait = Math.max(1, Math.ceil((result.until - deps.now()) / 1000));
        reply.header('retry-after', wait);
        return askPassword(step, 429, userName, { kind: 'wait', wait });
      }
      case 'right':
        if (!result.person.credential.forceChange) return finish(step, loginOf(result.person));
        return remember(step, { accountId: result.person.user.id, version: result.person.credential.version });
    }
  });

  app.post(`${path}/password`, async (request, reply) => {
    const step = await begin(request, reply);
    const mustChange = mustChangeOf(step.interaction);
    if (!mustChange) return reply.redirect(step.path + step.query, 303);
    const form = formOf(request);
    const password = form.get('newPassword') ?? '';
    if (password !== (form.get('repeat') ?? '')) return askNewPassword(step, mustChange, 422, { kind: 'repeatWrong' });

    const { tenant } = step.visit;
    const choice = await chooseNewPassword(deps, tenant, mustChange, password).catch(busy);
    if (choice === 'busy') return askNewPassword(step, mustChange, 503, { kind: 'busy' });
    deps.log.info({ tenant: tenant.id, user: mustChange.accountId, outcome: choice.outcome }, 'new password');
    switch (choice.outcome) {
      case 'refused':
        return askNewPassword(step, mustChange, 422, { kind: 'findings', findings: choice.findings });
      case 'conflict':
        return startAgain(step);
      case 'done':
        return finish(step, loginOf(choice.person));
    }
  });

  app.post(`${path}/restart`, async (request, reply) => {
    const step = await begin(request, reply);
    step.interaction.result = {};
    await step.interaction.persist();
    return reply.redirect(step.path + step.query, 303);
  });

  function askPassword(step: Step, status: number, userName: string, notice?: Notice): FastifyReply {
    const { visit, locale, path, query } = step;
    const page = pageOf(visit, deps.prefix, locale, path);
    const form = { action: path + query, userName, ...(notice && { notice }) };
    return show(step.reply, status, signInPage(page, form), redirectsOf(step.interaction));
  }

  async function askNewPassword(step: Step, { accountId }: MustChange, status = 200, notice?: Notice) {
    const { visit, locale, path, query } = step;
    const person = await findPerson(deps, visit.tenant, accountId);
    if (!person) return startAgain(step);
    const page = pageOf(visit, deps.prefix, locale, path);
    const form = {
      action: `${path}/password${query}`,
      restart: `${path}/restart${query}`,
      user: person.user,
      ...(notice && { notice }),
    };
    return show(step.reply, status, newPasswordPage(page, form), redirectsOf(step.interaction));
  }

  async function startAgain(step: Step): Promise<FastifyReply> {
    step.interaction.result = {};
    await step.interaction.persist();
    return askPassword(step, 409, '', { kind: 'changedMeanwhile' });
  }

  async function remember(step: Step, mustChange: MustChange): Promise<FastifyReply> {
    step.interaction.result = { mustChange };
    await step.interaction.persist();
    return step.reply.redirect(step.path + step.query, 303);
  }

  function loginOf({ user, credential }: Person): { login: Login } {
    const ts = Math.floor(deps.now() / 1000);
    // A cookie for as long as the browser is open: these are other people's machines as often as not.
    return { login: { accountId: user.id, ts, version: credential.version, remember: false, amr: ['pwd'] } };
  }
}

function mustChangeOf(interaction: Interaction): MustChange | undefined {
  return interaction.result?.mustChange as MustChange | undefined;
}

/** Hands the result to the provider, which goes on where the request came from. */
async function finish(
  step: Step,
  result: { login: Login } | { consent: Record<string, never> },
): Promise<FastifyReply> {
  const { interaction, visit, reply } = step;
  const { session } = interaction;
  if ('login' in result && session?.uid) {
    // Somebody else's session, or one that the change of password has ended: the provider would stop at either.
    const before = await visit.provider.Session.findByUid(session.uid);
    if (before?.accountId !== result.login.accountId) {
      await before?.destroy();
      delete interaction.session;
    }
  }
  // Every question that a client can ask for is answered by having signed in.
  interaction.result = { ...interaction.lastSubmission, consent: {}, select_account: {}, ...result };
  await interaction.persist();
  return reply.redirect(interaction.returnTo, 303);
}

function redirectsOf(interaction: Interaction): string[] {
  const to = URL.parse(String(interaction.params.redirect_uri));
  return to ? [to.origin] : [];
}

function busy(error: unknown): 'busy' {
  if (error instanceof Problem && error.code === 'unavailable') return 'busy';
  throw error;
}
