// The words of the mail, by language.

import type { Credential } from '../api.ts';
import type { Locale } from '../locale.ts';
import { mail as en, passMail as enPass } from './en/mail.ts';
import { mail as tr, passMail as trPass } from './tr/mail.ts';

export interface MailMessages {
  subject: (organisation: string) => string;
  /** What mail readers show beside the subject. */
  preheader: (until: string) => string;
  greeting: (name: string) => string;
  intro: (organisation: string) => string;
  account: string;
  validUntil: string;
  hours: (hours: number) => string;
  button: string;
  host: (host: string) => string;
  link: string;
  code: string;
  pin: string;
  next: string;
  steps: { open: string; signIn: string; change: string };
  oldPassword: string;
  unexpected: (support: string | undefined) => string;
  footer: (organisation: string) => string;
}

export const mailMessages: Readonly<Record<Locale, MailMessages>> = { en, tr };

/** The sentences that are others where the link shows a Temporary Access Pass. */
export type PassMailMessages = Pick<
  MailMessages,
  'subject' | 'preheader' | 'intro' | 'button' | 'link' | 'steps' | 'oldPassword'
>;

const passMessages: Readonly<Record<Locale, MailMessages>> = { en: { ...en, ...enPass }, tr: { ...tr, ...trPass } };

/** The words of the mail, for what its link shows. */
export function mailWords(locale: Locale, credential: Credential): MailMessages {
  return (credential === 'password' ? mailMessages : passMessages)[locale];
}
