// What the button in a person's row says.

import type { RowMessages } from '../row.ts';

export const row: RowMessages = {
  label: 'Reset & resend',
  labelFor: (name) => `Reset & resend – ${name}`,
  reload: 'Reload this page',
  faint: 'Your last sign-in showed no role that resets passwords.',
  reloadWhy: 'The extension was updated. Reload this page to use it.',
};
