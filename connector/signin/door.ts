// The sign-in door (`/signin`): one OpenID provider per tenant under /signin/<tenant id>, with our own pages.
//
//   GET  /-/<version>/sign-in.css, sign-in.js, password.js
//   GET  /:tenant/account                POST /:tenant/account/sign-out
//   GET, POST /:tenant/interaction/:uid  POST …/password, …/restart
//   POST /:tenant/token                  here for programs with a proof of their own, else oidc-provider
//   everything else below /:tenant       oidc-provider: .well-known, auth, jwks

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import type Provider from 'oidc-provider';
import type { Configuration } from 'oidc-provider';
import { pickLocale } from '#shared/locale.ts';
import { Problem } from '#shared/problem.ts';
import type { Logger } from '../log.ts';
import type { Tenant, Tenants } from '../tenant.ts';
import { accountRoutes } from './account.ts';
import { assets } from './assets.ts';
import { type InteractionDeps, interactionRoutes } from './interaction.ts';
import type { KeyStore } from './keys.ts';
import { errors } from './openid.ts';
import { type Trouble, troublePage } from './pages.ts';
import { isBusy, providerOf } from './provider.ts';
import type { StepDeps } from './steps.ts';
import { tokenEndpoint } from './token-endpoint.ts';
import { localeOf, pageHeaders, readForms, show, type Visit } from './visit.ts';

export interface SigninDeps extends StepDeps, KeyStore {
  readonly tenants: Tenants;
  readonly log: Logger;
  /** The connector's origin as browsers see it; it alone decides in which addresses the provider speaks. */
  readonly publicUrl: string;
  /** Chromium and Gecko ids of the extension. */
  readonly extensionIds: readonly string[];
  /** Fetches keys of other issuers whose word is taken for a program. */
  readonly fetch?: typeof fetch;
}

type Handle = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** The embedded sign-in as a fastify plugin; a tenant takes part whose issuer is `<publicUrl><prefix>/<tenant id>`. */
export function signinDoor(deps: SigninDeps): FastifyPluginAsync {
  return async (app) => {
    const { prefix } = app;
    const providers = new Map<string, { issuer: string; clientId: string; made: Promise<[Provider, Handle]> }>();

    function providerFor(tenant: Tenant): Promise<[Provider, Handle]> {
      const { issuer, clientId } = tenant;
      const known = providers.get(tenant.id);
      if (known?.issuer === issuer && known.clientId === clientId) return known.made;
      const renderError = errorRenderer(deps.log, prefix, tenant);
      const made = providerOf({ ...deps, renderError }, tenant).then((provider): [Provider, Handle] => [
        provider,
        provider.callback() as Handle,
      ]);
      // A failure (a locked database) is not to be remembered.
      made.catch(() => providers.delete(tenant.id));
      providers.set(tenant.id, { issuer, clientId, made });
      return made;
    }

    async function tenantOf(request: FastifyRequest): Promise<Tenant> {
      const { tenant: id } = request.params as { tenant: string };
      const tenant = await deps.tenants.byId(id);
      if (tenant?.issuer !== `${deps.publicUrl}${prefix}/${id}`) throw new Problem('notFound');
      return tenant;
    }

    async function visitOf(request: FastifyRequest): Promise<Visit> {
      const tenant = await tenantOf(request);
      const [provider] = await providerFor(tenant);
      return { tenant, provider, base: `${prefix}/${tenant.id}` };
    }

    const { protocol, host } = new URL(deps.publicUrl);
    app.addHook('onRequest', async ({ raw }) => {
      // The provider reads from these in which scheme and host it is being spoken to. What came from outside, be it
      // from a proxy or a stranger, is overwritten: with TLS of our own or a proxy's, the answer is the public address.
      raw.headers['x-forwarded-proto'] = protocol.slice(0, -1);
      raw.headers['x-forwarded-host'] = host;
    });
    app.setErrorHandler((error, request, reply) => troubleReply(deps, prefix, error, request, reply));
    app.setNotFoundHandler((request, reply) => troubleReply(deps, prefix, new Problem('notFound'), request, reply));

    for (const { path, type, body } of Object.values(assets)) {
      app.get(`/${path}`, async (_request, reply) =>
        reply.type(type).header('cache-control', 'public, max-age=31536000, immutable').send(body),
      );
    }
    await app.register(async (pages) => {
      readForms(pages);
      const more: InteractionDeps = { ...deps, prefix, visitOf };
      interactionRoutes(pages, more);
      accountRoutes(pages, more);
    });
    const toProvider = async (request: FastifyRequest, reply: FastifyReply, raw: IncomingMessage) => {
      const tenant = await tenantOf(request);
      const [, handle] = await providerFor(tenant);
      await handOver(raw, reply, `${prefix}/${tenant.id}`, prefix.split('/').length + 1, handle);
    };
    await app.register(async (tokens) => tokenEndpoint(tokens, deps, { tenantOf, handOver: toProvider }));
    await app.register(async (provider) => {
      handOverBodies(provider);
      provider.all('/:tenant/*', (request, reply) => toProvider(request, reply, request.raw));
    });
  };
}

/** Leaves every body on the wire: the provider reads it itself. */
function handOverBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
}

/** Gives the connection to the provider, mounted at `base`; the headers that the app sets for all come along. */
async function handOver(
  raw: IncomingMessage & { originalUrl?: string },
  reply: FastifyReply,
  base: string,
  depth: number,
  handle: Handle,
): Promise<void> {
  const rest = `/${(raw.url ?? '').split('/').slice(depth).join('/')}`;
  raw.originalUrl = base + rest;
  raw.url = rest;
  reply.hijack();
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) reply.raw.setHeader(name, value);
  }
  reply.raw.setHeader('referrer-policy', 'same-origin');
  await handle(raw, reply.raw);
}

/** The provider's errors, where there is nobody to redirect to. */
function errorRenderer(log: Logger, prefix: string, tenant: Tenant): NonNullable<Configuration['renderError']> {
  return (ctx, out, error) => {
    const trouble = ((): Trouble => {
      if (error instanceof errors.SessionNotFound) return 'expired';
      if (isBusy(error)) return 'busy';
      return out.error === 'server_error' ? 'failed' : 'refused';
    })();
    if (trouble === 'busy') {
      ctx.status = 503;
      ctx.set('retry-after', '2');
    }
    if (trouble === 'refused') log.info({ tenant: tenant.id, error: out.error }, 'sign-in refused');
    const asked = [ctx.query.ui_locales ?? [], ctx.get('accept-language').split(',').slice(0, 20)].flat();
    const page = { locale: pickLocale(asked.map(String)), prefix, tenant };
    const code = trouble === 'refused' ? { code: out.error } : {};
    ctx.set(pageHeaders());
    ctx.body = troublePage(page, trouble, { ...code, account: `${prefix}/${tenant.id}/account` });
  };
}

/** Our own errors, as a page; of the tenant where it is known, with the way to begin anew. */
async function troubleReply(
  { log, tenants }: SigninDeps,
  prefix: string,
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const [status, trouble] = ((): [number, Trouble] => {
    if (error instanceof errors.SessionNotFound) return [400, 'expired'];
    const code = error instanceof Problem ? error.code : undefined;
    if (code === 'originRefused') return [403, 'origin'];
    if (code === 'notFound') return [404, 'notFound'];
    if (isBusy(error)) return [503, 'busy'];
    const given = (error as { statusCode?: number }).statusCode ?? 500;
    return [given >= 400 && given < 500 ? given : 500, 'failed'];
  })();
  if (status === 500) log.error({ err: error }, 'sign-in failed');
  if (status === 503) reply.header('retry-after', '2');
  const { tenant: id } = request.params as { tenant?: string };
  // The database may be the very trouble.
  const tenant = id === undefined || status === 404 ? undefined : await tenants.byId(id).catch(() => undefined);
  const page = { locale: localeOf(request), prefix, ...(tenant && { tenant }) };
  return show(reply, status, troublePage(page, trouble, tenant && { account: `${prefix}/${tenant.id}/account` }));
}
