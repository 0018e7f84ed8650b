// The HTML of the mail: tables and inline styles, because that is what mail readers understand; readable without
// pictures, in the dark and at 320 px.

import type { Locale } from '#shared/locale.ts';
import { localeNames } from '#shared/locale.ts';

/** The sentences of the letter, in the order of reading. */
export interface Letter {
  readonly locale: Locale;
  readonly organisation: string;
  readonly preheader: string;
  readonly greeting: string;
  readonly intro: string;
  /** `address`: written left to right in every language. */
  readonly facts: readonly { readonly name: string; readonly value: string; readonly address?: boolean }[];
  readonly linkIntro: string;
  readonly link: string;
  readonly button: string;
  readonly host: string;
  readonly pin?: string;
  readonly codeIntro: string;
  /** Its lines. */
  readonly code: readonly string[];
  readonly next: string;
  readonly steps: readonly string[];
  readonly oldPassword: string;
  readonly unexpected: string;
  readonly footer: string;
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const esc = (text: string) => text.replace(/[&<>"']/g, (character) => entities[character] ?? '');

const font = `font-family:'Segoe UI',-apple-system,BlinkMacSystemFont,Roboto,'Helvetica Neue',Arial,sans-serif`;
const mono = `font-family:Consolas,'SFMono-Regular',Menlo,'Liberation Mono',monospace`;
const paragraph = `margin:0 0 16px;${font};font-size:16px;line-height:24px;color:#242424`;
const small = `margin:0 0 8px;${font};font-size:14px;line-height:20px;color:#616161`;

/** Colours for the dark, for the readers that ask. */
const style = `
  :root { color-scheme: light dark; supported-color-schemes: light dark; }
  a { color: #0f6cbd; }
  @media (prefers-color-scheme: dark) {
    .page { background: #141414 !important; }
    .card { background: #292929 !important; border-color: #3d3d3d !important; }
    .ink, .ink * { color: #ffffff !important; }
    .dim { color: #adadad !important; }
    .well { background: #1f1f1f !important; border-color: #3d3d3d !important; }
    .rule { border-color: #479ef5 !important; }
    .button { background: #115ea3 !important; }
    a { color: #479ef5 !important; }
    a.on-button { color: #ffffff !important; }
  }
  @media (max-width: 480px) {
    .outer { padding: 0 !important; }
    .card { border-radius: 0 !important; border-width: 0 !important; }
    .inner { padding: 24px 20px !important; }
  }`;

/** The whole document. */
export function letterHtml(letter: Letter): string {
  const { dir } = localeNames[letter.locale];
  const facts = letter.facts.map(
    ({ name, value, address }) => `
            <p class="dim" style="margin:0;${font};font-size:12px;line-height:16px;color:#616161">${esc(name)}</p>
            <p class="ink" style="margin:0 0 12px;${font};font-size:16px;line-height:22px;color:#242424;font-weight:600;word-break:break-word">${
              address ? `<span dir="ltr">${esc(value)}</span>` : esc(value)
            }</p>`,
  );
  const steps = letter.steps.map((step) => `<li style="margin:0 0 6px">${esc(step)}</li>`);
  const pin = letter.pin ? `\n        <p class="ink" style="${paragraph};margin-top:16px">${esc(letter.pin)}</p>` : '';
  return `<!doctype html>
<html lang="${letter.locale}" dir="${dir}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<meta name="format-detection" content="telephone=no, date=no, address=no, email=no">
<title>${esc(letter.organisation)}</title>
<style>${style}
</style>
</head>
<body class="page" style="margin:0;padding:0;background:#f5f5f5">
<div style="display:none;max-height:0;overflow:hidden;opacity:0">${esc(letter.preheader)}</div>
<table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" border="0" style="background:#f5f5f5">
  <tr><td class="outer" align="center" style="padding:32px 12px">
    <table role="presentation" class="card" width="560" cellpadding="0" cellspacing="0" border="0" style="width:100%;max-width:560px;background:#ffffff;border:1px solid #e0e0e0;border-radius:8px;border-collapse:separate">
      <tr><td class="inner" align="${dir === 'ltr' ? 'left' : 'right'}" style="padding:32px 40px">
        <p class="dim" style="margin:0 0 20px;${font};font-size:14px;line-height:20px;font-weight:600;color:#616161"><bdi>${esc(letter.organisation)}</bdi></p>
        <p class="ink" style="${paragraph}">${esc(letter.greeting)}</p>
        <p class="ink" style="${paragraph}">${esc(letter.intro)}</p>
        <table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0">
          <tr><td class="rule" style="border-${dir === 'ltr' ? 'left' : 'right'}:3px solid #0f6cbd;padding:2px 16px 0">${facts.join('')}
          </td></tr>
        </table>${pin}
        <table role="presentation" cellpadding="0" cellspacing="0" border="0" style="margin:24px 0 8px">
          <tr><td class="button" bgcolor="#0f6cbd" style="background:#0f6cbd;border-radius:4px">
            <a class="on-button" href="${esc(letter.link)}" style="display:inline-block;padding:12px 28px;${font};font-size:16px;line-height:24px;font-weight:600;color:#ffffff;text-decoration:none">${esc(letter.button)}</a>
          </td></tr>
        </table>
        <p class="dim" style="${small}">${esc(letter.host)}</p>
        <p class="dim" style="${small};margin-top:16px">${esc(letter.codeIntro)}</p>
        <table role="presentation" cellpadding="0" cellspacing="0" border="0" style="margin:0 0 24px">
          <tr><td class="well ink" dir="ltr" translate="no" style="background:#fafafa;border:1px solid #e0e0e0;border-radius:4px;padding:8px 10px;${mono};font-size:13px;line-height:20px;color:#242424">${letter.code.map(esc).join('<br>')}</td></tr>
        </table>
        <h2 class="ink" style="margin:0 0 8px;${font};font-size:16px;line-height:22px;font-weight:600;color:#242424">${esc(letter.next)}</h2>
        <ol class="ink" style="margin:0 0 16px;padding:${dir === 'ltr' ? '0 0 0 24px' : '0 24px 0 0'};${font};font-size:16px;line-height:24px;color:#242424">${steps.join('')}</ol>
        <p class="ink" style="${paragraph}">${esc(letter.oldPassword)}</p>
        <p class="ink" style="${paragraph};margin-bottom:0">${esc(letter.unexpected)}</p>
      </td></tr>
    </table>
    <p class="dim" style="margin:16px 12px 0;${font};font-size:12px;line-height:16px;color:#616161">${esc(letter.footer)}</p>
  </td></tr>
</table>
</body>
</html>
`;
}
