// The pages' style sheet and scripts: read once, named by their content so that browsers keep them. The scripts are
// TypeScript with its types blanked out; the password rules are the very file that the connector enforces.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';

export interface Asset {
  /** Below the sign-in door; a tenant is never called `-`. */
  readonly path: string;
  readonly type: string;
  readonly body: string;
}

function asset(name: string, type: string, body: string): Asset {
  const version = createHash('sha256').update(body).digest('base64url').slice(0, 10);
  return { path: `-/${version}/${name}`, type, body };
}

function script(file: string): string {
  return stripTypeScriptTypes(readFileSync(new URL(file, import.meta.url), 'utf8'));
}

const javascript = 'text/javascript; charset=utf-8';
const rules = asset('password.js', javascript, script('../../shared/password.ts'));

/** What the pages load. */
export const assets = {
  style: asset(
    'sign-in.css',
    'text/css; charset=utf-8',
    ['../http/card.css', 'page/sign-in.css']
      .map((file) => readFileSync(new URL(file, import.meta.url), 'utf8'))
      .join('\n'),
  ),
  rules,
  form: asset(
    'sign-in.js',
    javascript,
    script('page/sign-in-form.ts').replace('#shared/password.ts', `../../${rules.path}`),
  ),
} as const satisfies Record<string, Asset>;
