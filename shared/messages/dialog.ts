// What the dialog says, by language.

import type { Locale } from '../locale.ts';
import { dialog as en } from './en/dialog.ts';
import { dialog as tr } from './tr/dialog.ts';

export type DialogMessages = typeof en;

export const dialogMessages = { en, tr } satisfies Record<Locale, DialogMessages>;
