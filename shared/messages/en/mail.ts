// The mail that carries the one-time link.

import type { MailMessages, PassMailMessages } from '../mail.ts';

export const mail = {
  subject: (organisation) => `${organisation}: your link to a new password`,
  preheader: (until) => `The link is valid until ${until}. No password is in this mail.`,
  greeting: (name) => `Hello ${name},`,
  intro: (organisation) =>
    `An administrator at ${organisation} has prepared a new password for you. It is not in this mail: the link below shows it to you, once.`,
  account: 'Your account',
  validUntil: 'Link valid until',
  hours: (hours) => (hours === 1 ? '1 hour' : `${hours} hours`),
  button: 'Show my new password',
  host: (host) => `The button leads to ${host}.`,
  link: 'Open this link, which leads to your new password:',
  code: 'If the page asks for a code, type or paste this one:',
  pin: 'You also need a PIN of eight digits. Your administrator tells it to you by phone; it never comes by mail.',
  next: 'What to do',
  steps: {
    open: 'Open the link where nobody can see your screen, and press “Show password”.',
    signIn: 'Sign in with the account above and that password.',
    change: 'Choose a password of your own when you are asked to.',
  },
  oldPassword: 'Your old password stops working about the time this mail arrives.',
  unexpected: (support) =>
    `You did not expect this? Then don’t open the link, and tell your IT department${support ? `: ${support}` : '.'}`,
  footer: (organisation) => `Sent automatically for ${organisation} because an administrator asked for it.`,
} satisfies MailMessages;

/** Where the link shows a Temporary Access Pass and no password. */
export const passMail = {
  subject: (organisation) => `${organisation}: your link to a Temporary Access Pass`,
  preheader: (until) => `The link is valid until ${until}. No pass is in this mail.`,
  intro: (organisation) =>
    `An administrator at ${organisation} has prepared a Temporary Access Pass for you. With it you sign in once without your password. It is not in this mail: the link below shows it to you, once.`,
  button: 'Show my pass',
  link: 'Open this link, which leads to your pass:',
  steps: {
    open: 'Open the link where nobody can see your screen, and press “Show the pass”.',
    signIn:
      'Go to sign-in, enter the account above, and paste the pass where you are asked for it, or in place of the password.',
    change: 'Set up what you are then asked for, such as a new password: the pass works once.',
  },
  oldPassword: 'The pass by itself does not change your password.',
} satisfies PassMailMessages;
