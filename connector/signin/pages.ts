// The pages of the embedded sign-in, as HTML: forms that work without scripts, words from messages, one card each.

import { type Locale, localeNames, locales } from '#shared/locale.ts';
import { problemSentence } from '#shared/messages/problem.ts';
import { signInMessages } from '#shared/messages/sign-in.ts';
import type { PasswordFinding } from '#shared/password.ts';
import type { User } from '../directory/directory.ts';
import type { Tenant } from '../tenant.ts';
import { assets } from './assets.ts';
import { html, type Markup } from './html.ts';

/** What every page needs to know. */
export interface Page {
  readonly locale: Locale;
  /** Of the door, for style and script: `/signin`. */
  readonly prefix: string;
  /** Absent where it isn't known whose sign-in this is. */
  readonly tenant?: Tenant;
  /** This page in another language; absent: it cannot be asked for again. */
  readonly inLocale?: (locale: Locale) => string;
}

/** Something to say above a form. `wait` in seconds. */
export type Notice =
  | { readonly kind: 'missing' | 'wrong' | 'blocked' | 'busy' | 'changedMeanwhile' | 'repeatWrong' }
  | { readonly kind: 'wait'; readonly wait: number }
  | { readonly kind: 'findings'; readonly findings: readonly PasswordFinding[] };

function layout(page: Page, title: string, content: Markup): string {
  const text = signInMessages[page.locale];
  const { tenant, inLocale, locale, prefix } = page;
  const others = inLocale ? locales.filter((other) => other !== locale) : [];
  const asset = (path: string) => `${prefix}/${path}`;
  return html`<!doctype html>
<html lang="${locale}" dir="${localeNames[locale].dir}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${title}${tenant && ` – ${tenant.name}`}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${asset(assets.style.path)}">
<script type="module" src="${asset(assets.form.path)}"></script>
</head>
<body>
<main class="card">
${tenant && html`<p class="organisation">${tenant.name}</p>`}
<h1>${title}</h1>
${content}
${tenant?.branding.support && html`<p class="support">${text.support(tenant.branding.support)}</p>`}
</main>
${
  others.length > 0 &&
  html`<footer><nav aria-label="${text.language}">${others.map(
    (other) => html`<a lang="${other}" hreflang="${other}" href="${inLocale?.(other)}">${localeNames[other].name}</a>`,
  )}</nav></footer>`
}
</body>
</html>
`.toString();
}

function noticeOf(locale: Locale, notice: Notice | undefined): Markup | undefined {
  const text = signInMessages[locale];
  if (!notice) return undefined;
  if (notice.kind === 'findings') {
    // To this reader, the person is "you".
    const sentences = notice.findings.map(({ code, details }) =>
      code === 'passwordContainsName' ? text.nameInside : problemSentence(locale, code, details),
    );
    const [only] = sentences;
    if (sentences.length === 1) return html`<p class="notice" role="alert" id="notice">${only}</p>`;
    return html`<ul class="notice" role="alert" id="notice">${sentences.map((sentence) => html`<li>${sentence}</li>`)}</ul>`;
  }
  if (notice.kind === 'wait') {
    return html`<p class="notice" role="alert" id="notice" data-wait="${notice.wait}" data-waited="${text.waited}">${text.wait(notice.wait)}</p>`;
  }
  return html`<p class="notice" role="alert" id="notice">${text[notice.kind]}</p>`;
}

function revealButton(locale: Locale, ids: string): Markup {
  const text = signInMessages[locale];
  // Hidden until the script has made it work.
  return html`<button type="button" class="reveal" hidden aria-label="${text.showPassword}"
data-reveals="${ids}" data-show="${text.show}" data-hide="${text.hide}"
data-show-label="${text.showPassword}" data-hide-label="${text.hidePassword}">${text.show}</button>`;
}

/** User name and password. `action` is where the form goes; `userName` is filled in. */
export function signInPage(page: Page, form: { action: string; userName: string; notice?: Notice }): string {
  const text = signInMessages[page.locale];
  const known = form.userName !== '';
  const invalid = form.notice?.kind === 'wrong' && html` aria-invalid="true" aria-describedby="notice"`;
  return layout(
    page,
    text.title,
    html`${noticeOf(page.locale, form.notice)}
<form method="post" action="${form.action}">
<label for="user-name">${text.userName}</label>
<input id="user-name" name="userName" type="text" inputmode="email" autocomplete="username" autocapitalize="none"
autocorrect="off" spellcheck="false" maxlength="320" dir="ltr" required value="${form.userName}"${invalid}${!known && html` autofocus`}>
<label for="password">${text.password}</label>
<div class="field">
<input id="password" name="password" type="password" autocomplete="current-password" autocapitalize="none"
autocorrect="off" spellcheck="false" maxlength="1000" dir="ltr" required${invalid}${known && html` autofocus`}>
${revealButton(page.locale, 'password')}
</div>
<button type="submit" class="primary">${text.submit}</button>
</form>
<p class="hint">${text.temporary}</p>
<p class="hint">${text.forgotten}</p>`,
  );
}

/** A new password, twice, with the rules it has to meet. */
export function newPasswordPage(
  page: Page & { tenant: Tenant },
  form: { action: string; restart: string; user: User; notice?: Notice },
): string {
  const text = signInMessages[page.locale];
  const { policy } = page.tenant;
  const { displayName, userPrincipalName } = form.user;
  const rules = [
    ['passwordTooShort', text.ruleLength(policy.password.minimum)],
    ['passwordClasses', text.ruleClasses(policy.password.classes)],
    ['passwordContainsName', text.ruleName],
    ['passwordCommon', text.ruleCommon],
    ['passwordCharacters', text.ruleCharacters],
    ['repeat', text.ruleRepeat],
  ] as const;
  const data = JSON.stringify({
    policy: policy.password,
    person: { displayName, userPrincipalName, organisation: page.tenant.name },
    met: text.met,
    notMet: text.notMet,
    allMet: text.allMet,
  });
  return layout(
    page,
    text.newTitle,
    html`<p>${text.newIntro}</p>
<p class="who">${text.signingInAs} <strong dir="ltr">${userPrincipalName}</strong></p>
${noticeOf(page.locale, form.notice)}
<form method="post" action="${form.action}" data-rules="${data}">
<input class="away" type="text" name="userName" autocomplete="username" value="${userPrincipalName}" readonly tabindex="-1" aria-hidden="true">
<label for="new-password">${text.newPassword}</label>
<div class="field">
<input id="new-password" name="newPassword" type="password" autocomplete="new-password" autocapitalize="none"
autocorrect="off" spellcheck="false" maxlength="1000" dir="ltr" required autofocus aria-describedby="rules">
${revealButton(page.locale, 'new-password repeat')}
</div>
<label for="repeat">${text.repeat}</label>
<input id="repeat" name="repeat" type="password" autocomplete="new-password" autocapitalize="none"
autocorrect="off" spellcheck="false" maxlength="1000" dir="ltr" required>
<div class="rules" id="rules">
<p>${text.rules}</p>
<ul>${rules.map(
      ([code, sentence]) => html`<li data-rule="${code}">${sentence}<span class="away" data-state></span></li>
`,
    )}</ul>
</div>
<p class="away" role="status" data-summary></p>
<button type="submit" class="primary">${text.save}</button>
</form>
<form method="post" action="${form.restart}"><button type="submit" class="link">${text.somebodyElse}</button></form>`,
  );
}

/** Signed in, with nothing more to do here. `fresh`: the password was chosen a moment ago. */
export function accountPage(
  page: Page & { tenant: Tenant },
  who: { user: User; fresh: boolean; signOut: string },
): string {
  const text = signInMessages[page.locale];
  const home = URL.parse(page.tenant.branding.home ?? '') ?? undefined;
  return layout(
    page,
    who.fresh ? text.worksTitle : text.signedInTitle,
    html`<p class="who">${who.user.displayName}<br><strong dir="ltr">${who.user.userPrincipalName}</strong></p>
<p class="good" role="status">${who.fresh ? text.works : text.signedIn}</p>
<p>${text.closePage}</p>
${home && html`<p><a class="primary" href="${home.href}">${text.goOn(home.host)}</a></p>`}
<form method="post" action="${who.signOut}"><button type="submit" class="${home ? 'link' : 'secondary'}">${text.signOut}</button></form>`,
  );
}

export function signedOutPage(page: Page, account: string): string {
  const text = signInMessages[page.locale];
  return layout(
    page,
    text.signedOutTitle,
    html`<p>${text.closePage}</p>
<p><a class="secondary" href="${account}">${text.signInAgain}</a></p>`,
  );
}

export type Trouble = 'expired' | 'refused' | 'origin' | 'notFound' | 'failed' | 'busy';

/** Why it doesn't go on. `code` is for the administrator; `account` is where a person can begin anew. */
export function troublePage(page: Page, trouble: Trouble, more: { code?: string; account?: string } = {}): string {
  const text = signInMessages[page.locale];
  const titles = {
    expired: text.expiredTitle,
    refused: text.refusedTitle,
    origin: text.originTitle,
    notFound: text.notFoundTitle,
    failed: text.failedTitle,
    busy: text.failedTitle,
  };
  return layout(
    page,
    titles[trouble],
    html`<p>${text[trouble]}</p>
${more.code && html`<p><code dir="ltr">${more.code}</code></p>`}
${more.account && html`<p><a class="secondary" href="${more.account}">${text.startAgain}</a></p>`}`,
  );
}
