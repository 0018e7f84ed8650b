// Escaping, and redirect addresses: the two small things that everything else rests on.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { signInMessages } from '#shared/messages/sign-in.ts';
import { mayRedeem, redirectUriOf } from '../../connector/signin/clients.ts';
import { html } from '../../connector/signin/html.ts';

describe('html', () => {
  it('escapes text and attributes, leaves markup alone, and prints nothing for nothing', () => {
    const name = `O'Brien & <b class="x">`;
    const inner = html`<i>${name}</i>`;
    expect(html`<p title="${name}">${inner}${false}${undefined}${[html`<br>`, 3]}</p>`.toString()).toBe(
      `<p title="O&#39;Brien &amp; &lt;b class=&quot;x&quot;&gt;"><i>O&#39;Brien &amp; &lt;b class=&quot;x&quot;&gt;</i><br>3</p>`,
    );
  });

  it('lets no text out of its place', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const [, inside = ''] = /^<p title="(.*)">$/s.exec(html`<p title="${text}">`.toString()) ?? [];
        expect(inside).not.toMatch(/[<>"']|&(?!amp;|lt;|gt;|quot;|#39;)/);
      }),
    );
  });
});

describe('redirect addresses', () => {
  it('are those that browsers give to the extension', () => {
    expect(redirectUriOf('abcdefghijklmnopabcdefghijklmnop')).toBe(
      'https://abcdefghijklmnopabcdefghijklmnop.chromiumapp.org/',
    );
    // sha1 of the id, as Firefox's identity.getRedirectURL computes it
    expect(redirectUriOf('reset-and-resend@extension.example')).toBe(
      `https://c5a5c2ae879491c7efaf59b81b1de6d8e1289d3e.extensions.allizom.org/`,
    );
  });

  it('belong to origins that may read tokens', () => {
    const ids = ['abcdefghijklmnopabcdefghijklmnop', 'reset-and-resend@extension.example'];
    expect(mayRedeem('chrome-extension://abcdefghijklmnopabcdefghijklmnop', ids)).toBe(true);
    expect(mayRedeem('moz-extension://5f0c3c0e-aaaa-4bbb-8ccc-0123456789ab', ids)).toBe(true);
    for (const origin of [
      'chrome-extension://reset-and-resend@extension.example',
      'chrome-extension://abcdefghijklmnopabcdefghijklmnopx',
      'https://abcdefghijklmnopabcdefghijklmnop.chromiumapp.org',
      'moz-extension://5f0c3c0e-aaaa-4bbb-8ccc-0123456789ab.evil.example',
      '',
    ]) {
      expect(mayRedeem(origin, ids), origin).toBe(false);
    }
  });
});

describe('how long to wait', () => {
  it.each([
    [1, 'Wait one second', '1 saniye'],
    [5, 'Wait 5 seconds', '5 saniye'],
    [60, 'Wait a minute', 'Bir dakika'],
    [90, 'Wait 2 minutes', '2 dakika'],
    [300, 'Wait 5 minutes', '5 dakika'],
  ])('%i seconds in words', (seconds, english, turkish) => {
    expect(signInMessages.en.wait(seconds)).toContain(english);
    expect(signInMessages.tr.wait(seconds)).toContain(turkish);
  });
});
