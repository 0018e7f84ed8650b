// The words of the mail, by language.

import type { Locale } from '../locale.ts';
import { mail as en } from './en/mail.ts';
import { mail as tr } from './tr/mail.ts';

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
