// What every page of the sign-in door needs: whose sign-in it is, the reader's language, headers, forms, and the check
// that a form came from our own page.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type Provider from 'oidc-provider';
import { type Locale, pickLocale } from '#shared/locale.ts';
import { Problem } from '#shared/problem.ts';
import type { Tenant } from '../tenant.ts';
import type { Page } from './pages.ts';

/** A request for a tenant's sign-in. */
export interface Visit {
  readonly tenant: Tenant;
  readonly provider: Provider;
  /** The path of this tenant's sign-in: `/signin/default`. */
  readonly base: string;
}

/** The languages of an OpenID request (`ui_locales`, OpenID Connect Core §3.1.2.1) before those of the browser. */
export function localeOf(request: FastifyRequest, asked?: unknown): Locale {
  const { ui_locales: inQuery } = request.query as { ui_locales?: unknown };
  const wanted = [inQuery, asked].filter((value) => typeof value === 'string');
  const tags = wanted.flatMap((value) => value.split(/\s+/).slice(0, 10));
  return pickLocale([...tags, ...(request.headers['accept-language'] ?? '').split(',').slice(0, 20)]);
}

/** A page at `path` of this visit that can be asked for again in another language. */
export function pageOf(visit: Visit, prefix: string, locale: Locale, path?: string): Page & { tenant: Tenant } {
  const inLocale = (other: Locale) => `${path}${path?.includes('?') ? '&' : '?'}ui_locales=${other}`;
  return { locale, prefix, tenant: visit.tenant, ...(path === undefined ? {} : { inLocale }) };
}

/**
 * Headers of a page. `redirects`: where a form's answer may lead besides here, because browsers hold form-action
 * against redirects, too.
 */
export function pageHeaders(redirects: readonly string[] = []): Record<string, string> {
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': [
      `default-src 'none'`,
      `style-src 'self'`,
      `script-src 'self'`,
      `img-src data:`,
      ["form-action 'self'", ...redirects].join(' '),
      `frame-ancestors 'none'`,
      `base-uri 'none'`,
      `require-trusted-types-for 'script'`,
      `trusted-types 'none'`,
    ].join('; '),
    'cache-control': 'no-store',
    // Not no-referrer: with it, browsers send `Origin: null` with our own forms.
    'referrer-policy': 'same-origin',
    vary: 'Accept-Language',
  };
}

/** Sends a page. */
export function show(reply: FastifyReply, status: number, page: string, redirects?: readonly string[]): FastifyReply {
  return reply.code(status).headers(pageHeaders(redirects)).send(page);
}

/** Forms as URLSearchParams, and only such bodies, up to 16 kB. */
export function readForms(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  const options = { parseAs: 'string', bodyLimit: 16 * 1024 } as const;
  app.addContentTypeParser('application/x-www-form-urlencoded', options, (_request, body, done) => {
    done(null, new URLSearchParams(String(body)));
  });
}

/** The fields of a form that was sent. */
export function formOf(request: FastifyRequest): URLSearchParams {
  return request.body instanceof URLSearchParams ? request.body : new URLSearchParams();
}

/**
 * Refuses what another site's page sends (OWASP CSRF Prevention, Fetch Metadata with Origin as the fallback).
 * @throws Problem originRefused
 */
export function checkOrigin(request: FastifyRequest, publicUrl: string): void {
  const { origin, 'sec-fetch-site': site } = request.headers;
  const same = site === undefined ? origin === new URL(publicUrl).origin : site === 'same-origin';
  const foreign = origin !== undefined && origin !== 'null' && origin !== new URL(publicUrl).origin;
  if (!same || foreign) throw new Problem('originRefused');
}
