// The sign-in pages' sentences, by language.

import type { Locale } from '../locale.ts';
import { signIn as en } from './en/sign-in.ts';
import { signIn as tr } from './tr/sign-in.ts';

export type SignInMessages = typeof en;

export const signInMessages = { en, tr } satisfies Record<Locale, SignInMessages>;
