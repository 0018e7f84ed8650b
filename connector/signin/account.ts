// The sign-in for people who come without an app: with the temporary password to choose their own, or to see that the
// new one works. It is an ordinary OpenID client of its own issuer that asks for a session and no token.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { findPerson, inGoodStanding, type Person } from './accounts.ts';
import { accountClientId } from './clients.ts';
import type { InteractionDeps } from './interaction.ts';
import { accountPage, signedOutPage, troublePage } from './pages.ts';
import { checkOrigin, localeOf, pageOf, show, type Visit } from './visit.ts';

/** For how long "your new password works" is news, in milliseconds. */
const news = 10 * 60_000;

/** GET /:tenant/account[?login_hint=…&ui_locales=…], POST /:tenant/account/sign-out */
export function accountRoutes(app: FastifyInstance, deps: InteractionDeps): void {
  const sessionOf = ({ provider }: Visit, request: FastifyRequest, reply: FastifyReply) =>
    provider.Session.get(provider.createContext(request.raw, reply.raw));

  async function signedIn(visit: Visit, request: FastifyRequest, reply: FastifyReply): Promise<Person | undefined> {
    const session = await sessionOf(visit, request, reply);
    if (!session.accountId) return undefined;
    const person = await findPerson(deps, visit.tenant, session.accountId);
    return person && inGoodStanding(person, session.authTime()) ? person : undefined;
  }

  app.get('/:tenant/account', async (request, reply) => {
    const visit = await deps.visitOf(request);
    const query = request.query as Record<string, string | undefined>;
    // On the way back the request has nothing but its state: that is where the language travels.
    const locale = localeOf(request, query.state);
    const path = `${visit.base}/account`;
    const person = await signedIn(visit, request, reply);
    const hint = typeof query.login_hint === 'string' ? query.login_hint.slice(0, 320) : undefined;
    const another = hint !== undefined && person?.user.userPrincipalName.toLowerCase() !== hint.trim().toLowerCase();

    if (person && !another) {
      const { changedBy, changedAt } = person.credential;
      const fresh = changedBy === 'self' && deps.now() - changedAt < news;
      const page = pageOf(visit, deps.prefix, locale, path);
      return show(reply, 200, accountPage(page, { user: person.user, fresh, signOut: `${path}/sign-out` }));
    }
    if (query.state !== undefined || query.error !== undefined) {
      // Back from signing in, and still nobody: the cookie was not kept, or something was refused.
      const page = pageOf(visit, deps.prefix, locale);
      const trouble = query.error === undefined ? 'expired' : 'refused';
      const code = query.error?.slice(0, 100);
      return show(reply, 400, troublePage(page, trouble, { account: path, ...(code && { code }) }));
    }
    const request_ = new URLSearchParams({
      client_id: accountClientId,
      response_type: 'none',
      redirect_uri: `${visit.tenant.issuer}/account`,
      scope: 'openid',
      state: locale,
      ui_locales: locale,
      ...(hint !== undefined && { login_hint: hint }),
      ...(person && { prompt: 'login' }),
    });
    return reply.header('cache-control', 'no-store').redirect(`${visit.base}/auth?${request_}`, 303);
  });

  app.post('/:tenant/account/sign-out', async (request, reply) => {
    checkOrigin(request, deps.publicUrl);
    const visit = await deps.visitOf(request);
    const session = await sessionOf(visit, request, reply);
    // Refresh tokens that were made in this session end with it.
    if (session.accountId) await session.destroy();
    const page = pageOf(visit, deps.prefix, localeOf(request));
    return show(reply, 200, signedOutPage(page, `${visit.base}/account`));
  });
}
