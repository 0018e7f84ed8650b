// What the button in a person's row says.

import type { RowMessages } from '../row.ts';

export const row: RowMessages = {
  label: 'Sıfırla ve gönder',
  labelFor: (name) => `Sıfırla ve gönder – ${name}`,
  reload: 'Sayfayı yenileyin',
  faint: 'Son oturumunuzda parola sıfırlayan bir rol görünmedi.',
  reloadWhy: 'Uzantı güncellendi. Kullanmak için bu sayfayı yenileyin.',
};
