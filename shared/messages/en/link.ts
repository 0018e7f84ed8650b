// The one-time link's page.

import type { LinkMessages, PassLinkMessages } from '../link.ts';

export const link = {
  tab: 'Your new password',
  language: 'Language',
  wait: 'One moment…',
  tryAgain: 'Try again',
  start: {
    title: 'Get your new password',
    body: 'The password is shown once, on this device, for ten minutes. Make sure that nobody else can see your screen.',
    show: 'Show password',
  },
  pin: {
    title: 'Enter your PIN',
    body: 'Your administrator tells you the PIN by phone. It is not in the mail. The password is then shown once, for ten minutes: make sure that nobody else can see your screen.',
    label: 'PIN',
    hint: 'Eight digits',
    invalid: 'The PIN has eight digits.',
    wrong: (left) => `This PIN is not right. You have ${left === 1 ? 'one more try' : `${left} more tries`}.`,
    unknown: 'This link needs a PIN.',
  },
  code: {
    title: 'Enter the code from the mail',
    body: 'Your mail program has shortened the link. The mail has a code of 14 groups below its button: type or paste it here.',
    label: 'Code',
    count: (typed, all) => `${typed} of ${all} characters`,
    next: 'Continue',
    incomplete: (typed, all) => `The code has ${all} characters; these are ${typed}.`,
    mistyped: 'There is a mistake somewhere in the code. Compare it with the mail.',
  },
  password: {
    title: 'Your new password',
    forWhom: (name) => `For ${name}`,
    userName: 'User name',
    password: 'Password',
    copyUserName: 'Copy user name',
    copyPassword: 'Copy password',
    copied: 'Copied',
    copyByHand: 'The browser did not allow it. The password is selected: copy it by hand.',
    legend: { letter: 'letter', digit: 'digit', symbol: 'symbol' },
    spell: 'Spell it out',
    steps: 'What to do now',
    stepCopy: 'Copy the password.',
    stepSignIn: 'Sign in with your user name and this password.',
    stepChange: 'Choose a password of your own when you are asked to. This one is only temporary.',
    signIn: 'Go to sign-in',
    newTab: 'opens in a new tab',
    done: 'I have signed in',
    hiddenAt: (time) => `This page hides the password at ${time}.`,
    lastMinute: 'The password is hidden in one minute.',
  },
  truths: {
    notReady: {
      title: 'Almost there',
      body: 'Your new password is being set up. This page looks again by itself.',
    },
    nothingChanged: {
      title: 'Nothing was changed',
      body: 'This reset was stopped before it changed anything. Your old password still works.',
    },
    expired: { title: 'This link has expired', body: 'It was not opened in time, so its password is no longer valid.' },
    restored: {
      title: 'This link no longer works',
      body: 'The service had to be restored, and every reset that was under way was ended. Ask for a new one.',
    },
    recalled: {
      title: 'This link was called back',
      body: 'Your administrator has made it invalid. It shows no password any more.',
    },
    superseded: {
      title: 'There is a newer mail',
      body: 'You were sent another link after this one. Open the newest mail; only its link works.',
    },
    pinLocked: {
      title: 'This link is locked',
      body: 'A wrong PIN was entered five times. Your administrator has been told.',
    },
    finished: {
      title: 'This link has been used',
      body: 'It showed its password already, and the password is no longer kept here.',
    },
  },
  notReadyForLong: 'It takes longer than usual. You can leave this page open or come back later; the link stays valid.',
  openedElsewhere: {
    title: 'Already opened',
    body: (at) =>
      `This link was opened on another device or in another browser (${at}). It shows its password only there. If that was not you, say so here: your administrator is told at once.`,
    notMe: 'That was not me',
    alarmed: {
      title: 'Your administrator has been told',
      body: 'Do not use a password from this link. Your administrator will contact you or send you a new link.',
    },
  },
  done: { title: 'All done', body: 'The password is gone from this page. You can close it.' },
  leaseOver: {
    title: 'The ten minutes are over',
    body: 'The password is no longer shown. If you have signed in, all is well and you can close this page. If not, ask for a new link.',
  },
  refused: {
    title: 'This link cannot be opened',
    body: 'It may have been copied incompletely, or it is no longer valid. Open it from the mail again, or enter the code that stands below the mail’s button.',
    enterCode: 'Enter the code',
  },
  trouble: {
    unreachable: {
      title: 'No connection',
      body: 'The server could not be reached. Nothing is lost: check your connection and try again.',
    },
    busy: { title: 'Busy right now', body: 'The server is busy. Nothing is lost: try again in a moment.' },
    fault: {
      title: 'That did not work',
      body: 'Something went wrong on the server’s side. Nothing is lost: try again.',
    },
  },
  ask: (organisation, support) =>
    `Questions? Ask the IT department${organisation ? ` of ${organisation}` : ''}${support ? `: ${support}` : '.'}`,
  spoken: {
    small: (letter) => `small ${letter}`,
    capital: (letter) => `capital ${letter}`,
    digit: (digit) => `digit ${digit}`,
    symbols: {
      ' ': 'space',
      '!': 'exclamation mark',
      '"': 'double quote',
      '#': 'hash',
      $: 'dollar sign',
      '%': 'percent sign',
      '&': 'ampersand',
      "'": 'apostrophe',
      '(': 'opening parenthesis',
      ')': 'closing parenthesis',
      '*': 'asterisk',
      '+': 'plus',
      ',': 'comma',
      '-': 'hyphen',
      '.': 'full stop',
      '/': 'slash',
      ':': 'colon',
      ';': 'semicolon',
      '<': 'less-than sign',
      '=': 'equals sign',
      '>': 'greater-than sign',
      '?': 'question mark',
      '@': 'at sign',
      '[': 'opening square bracket',
      '\\': 'backslash',
      ']': 'closing square bracket',
      '^': 'caret',
      _: 'underscore',
      '`': 'backtick',
      '{': 'opening brace',
      '|': 'vertical bar',
      '}': 'closing brace',
      '~': 'tilde',
    },
  },
} satisfies LinkMessages;

/** Where the link shows a Temporary Access Pass and no password. */
export const passLink = {
  tab: 'Your Temporary Access Pass',
  start: {
    title: 'Get your Temporary Access Pass',
    body: 'The pass signs you in once without your password. It is shown once, on this device, for ten minutes. Make sure that nobody else can see your screen.',
    show: 'Show the pass',
  },
  pin: {
    body: 'Your administrator tells you the PIN by phone. It is not in the mail. The pass is then shown once, for ten minutes: make sure that nobody else can see your screen.',
  },
  password: {
    title: 'Your Temporary Access Pass',
    password: 'Temporary Access Pass',
    copyPassword: 'Copy the pass',
    copyByHand: 'The browser did not allow it. The pass is selected: copy it by hand.',
    stepCopy: 'Copy the pass.',
    stepSignIn:
      'Go to sign-in, enter your user name, and paste the pass where you are asked for it, or in place of the password.',
    stepChange: 'The pass works once: set up what you are then asked for, such as a new password.',
    hiddenAt: (time) => `This page hides the pass at ${time}.`,
    lastMinute: 'The pass is hidden in one minute.',
  },
  truths: {
    notReady: { title: 'Almost there', body: 'Your pass is being made. This page looks again by itself.' },
    expired: { title: 'This link has expired', body: 'It was not opened in time, so its pass is no longer valid.' },
    recalled: {
      title: 'This link was called back',
      body: 'Your administrator has made it invalid. It shows no pass any more.',
    },
    finished: {
      title: 'This link has been used',
      body: 'It showed its pass already, and the pass is no longer kept here.',
    },
  },
  openedElsewhere: {
    body: (at) =>
      `This link was opened on another device or in another browser (${at}). It shows its pass only there. If that was not you, say so here: your administrator is told at once.`,
    alarmed: {
      title: 'Your administrator has been told',
      body: 'Do not use a pass from this link. Your administrator will contact you or send you a new link.',
    },
  },
  done: { title: 'All done', body: 'The pass is gone from this page. You can close it.' },
  leaseOver: {
    title: 'The ten minutes are over',
    body: 'The pass is no longer shown. If you have signed in, all is well and you can close this page. If not, ask for a new link.',
  },
} satisfies PassLinkMessages;
