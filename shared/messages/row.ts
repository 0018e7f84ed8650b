// What the button in a person's row says, by language.

import type { Locale } from '../locale.ts';
import { row as en } from './en/row.ts';
import { row as tr } from './tr/row.ts';

export interface RowMessages {
  /** Visible text of the button. */
  readonly label: string;
  /** Accessible name; begins with the label. */
  labelFor(name: string): string;
  /** In place of the label when the extension was replaced under the page. */
  readonly reload: string;
  readonly reloadWhy: string;
  /** Of the button, when whoever signed in last seems to have no role for it. */
  readonly faint: string;
}

export const rowMessages = { en, tr } satisfies Record<Locale, RowMessages>;
