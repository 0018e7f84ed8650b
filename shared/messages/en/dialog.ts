// What the dialog says, in English. `who` is a display name.

export const dialog = {
  title: 'Reset & Resend',
  close: 'Close',
  tryAgain: 'Try again',
  copy: 'Copy',
  copied: 'Copied',
  loading: 'One moment …',

  header: {
    signedInAs: (who: string) => `Signed in as ${who}`,
    at: (organisation: string) => `Organisation: ${organisation}`,
    active: 'Can sign in',
    blocked: 'Sign-in blocked',
    person: 'The person whose password is reset',
  },

  setUp: {
    title: 'One step before the first reset',
    text: 'Reset & Resend does not know your organisation’s connector yet. Your IT department has its address.',
    button: 'Open the settings',
  },

  signIn: {
    title: (organisation: string) => `Sign in to ${organisation}`,
    text: 'With your administrator account. Whom you may reset depends on your role.',
    button: 'Sign in',
    quiet: 'Looking for your sign-in …',
    open: 'The sign-in page is open in its own window.',
    ended: 'Your sign-in has ended.',
    endedText: 'Sign in again to see how the reset goes on.',
    closed: 'The sign-in window was closed before you were signed in.',
    failed: (why: string) => `Signing in did not work (${why}).`,
    other: 'Use another account',
  },

  finding: 'Looking up the person …',

  picking: {
    nameOnly: 'Who is meant?',
    nameOnlyText: (who: string) =>
      `The page shows only the name “${who}”. Names can be alike: pick the person by their user name.`,
    notFound: 'Not found by address',
    notFoundText: (address: string) =>
      `${address} is not a user name that the connector knows. Pick the person from the list, or search.`,
    byHand: 'Whose password?',
    byHandText: 'Search by the beginning of a name or user name.',
    search: 'Name or user name',
    button: 'Search',
    results: (count: number) => (count === 1 ? '1 person' : `${count} people`),
    none: (text: string) => `Nobody was found for “${text}”.`,
    blocked: 'Sign-in blocked',
  },

  elsewhere: {
    title: 'This is another organisation',
    text: (domain: string, organisation: string) =>
      `This row belongs to ${domain}. You are signed in to ${organisation}, so nothing can be sent from here.`,
    looking: (domain: string) => `Asking who is responsible for ${domain} …`,
    button: (organisation: string) => `Sign in to ${organisation}`,
    none: (domain: string) =>
      `The connector does not serve ${domain}. Ask whoever runs the connector to add that organisation.`,
  },

  refused: {
    title: (who: string) => `${who} can’t be reset here`,
    nothing: 'Nothing was changed and nothing was sent.',
  },

  trouble: {
    title: 'That did not work',
    unreachable: 'The connector does not answer. Check the network, then try again.',
    notConnector: 'Something answered, but not a connector of this version. Check the address in the settings.',
    unsure: {
      grant: 'No answer came, so it is not known whether the reset goes on. Try again: it does no harm.',
      kill: 'No answer came, so it is not known whether the stop took effect. Try again: stopping twice does no harm.',
      cancel:
        'No answer came, so it is not known whether the reset was cancelled. Try again: cancelling twice does no harm.',
    },
    settings: 'Open the settings',
  },

  form: {
    password: 'Password',
    generate: 'Generate a password',
    generateHint: 'Nobody but the recipient will see it, not even you.',
    create: 'Create it myself',
    createHint: 'You type it, and nobody sees it again but the recipient.',
    createNotAllowed: 'Your organisation only allows generated passwords.',
    pass: 'Temporary Access Pass',
    passHint: 'Signs in once without the password; the old password stays.',
    newPassword: 'New password',
    reveal: 'Show',
    hide: 'Hide',
    revealLabel: 'Show password',
    hideLabel: 'Hide password',
    strength: ['Very weak', 'Weak', 'Fair', 'Good', 'Strong'],
    strengthLabel: 'Strength',
    rules: {
      passwordTooShort: (minimum: number) => `${minimum} characters or more`,
      passwordTooLong: (maximum: number) => `${maximum} characters at most`,
      passwordCharacters: 'Letters A–Z, digits, common symbols',
      passwordClasses: (classes: number) =>
        classes >= 4 ? 'Small, capital, digit and symbol' : `${classes} of: small, capital, digit, symbol`,
      passwordContainsName: 'Not the person’s name or user name',
      passwordCommon: 'Not a common word or pattern',
    },
    ruleMet: 'met',
    ruleUnmet: 'not met yet',
    forceChange: 'A new one must be chosen at the next sign-in',

    recipient: 'Send the link to',
    onFile: 'On file',
    other: 'Another address',
    otherHint: 'A private address that the person can open now',
    address: 'Mail address',
    remember: 'Keep this address on file',
    rememberHint: 'Only once the person has opened the link there and it has worked.',
    laterAdmin: 'What happens later, such as ending an unused password, happens in your name.',
    laterAdminPass: 'What happens later, such as making and removing the pass, happens in your name.',
    laterNonePass:
      'Nothing can be done later without you: an unused pass ends by itself, but can’t be removed before. Your IT department can change that.',
    laterApp: 'What happens later, such as ending an unused password, happens in the connector’s own name.',
    laterNone:
      'Nothing can be done later without you: an unused password will not end by itself. Your IT department can change that.',
    none: 'No private address is on file for this person.',
    noneAndNoTyping: 'No private address is on file, and your organisation does not allow another one.',
    chooseRecipient: 'Choose where the link goes.',

    pin: 'Protect the link with a PIN',
    pinHint: 'You read eight digits out by phone. Without them the link opens nothing.',
    pinFixed: 'Your organisation requires it for this recipient.',

    locale: 'Language of the mail',

    send: 'Reset & send',
    sendPass: 'Make & send a pass',
    sending: 'Sending …',
    cancel: 'Cancel',
    promise: 'The old password works until a mail server has accepted the mail.',
    promisePass: 'The pass is made once a mail server has accepted the mail.',
    replaces: (who: string) =>
      `This takes the place of the reset that is under way for ${who}. Its link stops working.`,
    keep: 'Keep the one under way',
    unsure: 'No answer came, so it is not known whether the reset has started. Ask again: it can’t start twice.',
    askAgain: 'Ask again',
    last: (standing: string, when: string) => `Last reset ${when}: ${standing}`,
    showLast: 'Show',
  },

  address: {
    empty: 'Type the address.',
    control: 'The address contains a line break or another invisible character.',
    noAt: 'The address needs an @.',
    localPart: 'What stands before the @ is not valid.',
    international: 'Letters beyond A–Z before the @ can’t be delivered everywhere. Use another address.',
    noDomain: 'What stands after the @ needs a dot, as in mail.example.',
    domain: 'What stands after the @ is not a domain.',
    tooLong: 'The address is too long.',
    ownMailbox: 'This is the mailbox of the account being reset. The person can’t open it.',
  },

  suspicion: {
    typo: (meant: string) => `Did you mean ${meant}?`,
    lookAlike: (meant: string) => `This only looks like ${meant}. Ask the person to spell it.`,
    lookAlikeUnknown: 'This domain mixes alphabets that look alike. Ask the person to spell it.',
    disposable: 'This is a throw-away mailbox that others may read.',
    ownDomain: 'This mailbox belongs to your organisation. Can the person open it without the password?',
  },

  pin: {
    title: 'PIN',
    read: (who: string) => `Read it out to ${who} by phone. It is shown only here, only now.`,
    hide: 'I have read it out',
    gone: 'The link asks for the PIN that was given by phone. If it was lost, send again: a new link gets a new PIN.',
  },

  /** How the reset stands: a headline, and what follows from it. */
  standing: {
    sending: { title: 'Handing over the mail …', text: () => 'The old password still works.' },
    retrying: {
      title: 'The mail is not out yet; it is tried again',
      text: () => 'Nothing is lost and the old password still works.',
    },
    changing: { title: 'Changing the password …', text: () => 'A mail server has accepted the mail.' },
    changeDelayed: {
      title: 'The directory wants to be asked again',
      text: () => 'The mail is out; its link opens once the password has been changed.',
    },
    waiting: { title: 'Waiting for the link to be opened', text: (who: string) => `Tell ${who} what to look for.` },
    opened: {
      title: 'The link was opened',
      text: (who: string) => `${who} can sign in now and choose a new password.`,
    },
    replacing: {
      title: 'A newer reset is taking over',
      text: () => 'This link works until the newer mail has been accepted.',
    },
    mailFailed: {
      title: 'The mail was refused',
      text: () =>
        'The mail server does not take mail for this address. The old password still works. Send to another address.',
    },
    mailMisconfigured: {
      title: 'The connector can’t send mail',
      text: () => 'Its mail settings need an operator. It keeps trying; the old password still works.',
    },
    bounced: {
      title: 'The mail came back',
      text: () => 'It was accepted at first and then returned. Send to another address.',
    },
    signInAgain: {
      title: 'A sign-in is needed',
      text: () => 'The directory no longer accepts the earlier one. Sign in again, and the reset goes on.',
    },
    directoryFailed: {
      title: 'The directory does not answer',
      text: () => 'The connector keeps trying. Tell an operator if it stays so.',
    },
    pinLocked: {
      title: 'Five wrong PINs: the link is locked',
      text: () => 'Ask whether the person tried it themselves. Then send again: a new link gets a new PIN.',
    },
    likelyScanner: {
      title: 'Opened, but perhaps not by the person',
      text: () =>
        'Nobody said that it worked: it may have been a mail scanner. Ask the person, and send again with a PIN.',
    },
    alarm: {
      title: 'The person says it wasn’t them',
      text: () => 'Somebody else has opened the link. Stop this reset now, then start a new one.',
    },
    overdue: {
      title: 'It takes longer than it should',
      text: () =>
        'The mail server keeps putting the mail off. The old password still works. You can send to another address.',
    },
    signedIn: {
      title: 'The person says it worked',
      text: () => 'Not yet seen: a new password chosen at sign-in.',
    },
    changed: { title: 'Done', text: (who: string) => `${who} has a password that works and that only they know.` },
    changedSince: {
      title: 'The password has been changed since',
      text: (who: string) => `The directory does not record by whom. Ask ${who} whether it was them.`,
    },
    rejected: { title: 'Stopped before the change', text: () => 'Nothing was changed. The link is dead.' },
    cancelled: { title: 'Cancelled', text: () => 'Nothing was changed; the old password works. The link is dead.' },
    refused: { title: 'The directory refused the change', text: () => 'The old password works. The link is dead.' },
    expiredUnchanged: {
      title: 'Expired before anything was changed',
      text: () => 'Nothing was changed; the old password works.',
    },
    restored: {
      title: 'Ended: the connector was restored from a backup',
      text: () =>
        'The link is dead. Whether it was opened after the backup is not known: ask the person, and send again if need be.',
    },
    expiring: {
      title: 'Expired',
      text: () => 'The link is dead. The temporary password is being replaced by one that nobody knows.',
    },
    scrambled: {
      title: 'Expired and scrambled',
      text: () => 'Nobody used the temporary password in time, so it was replaced by one that nobody knows.',
    },
    killing: {
      title: 'Stopped: the link is dead',
      text: () => 'If the password had been changed already, it is being replaced by one that nobody knows.',
    },
    killedUnchanged: { title: 'Stopped: the link is dead', text: () => 'Nothing was changed; the old password works.' },
    killed: {
      title: 'Stopped: link dead, password scrambled',
      text: () => 'Nobody can sign in with it. The person needs a new reset.',
    },
    superseded: { title: 'Replaced by a newer reset', text: () => 'This link is dead. The newer one counts.' },
    passUsed: { title: 'Done', text: (who: string) => `${who} has signed in with the pass.` },
    passEnded: {
      title: 'The person says it worked',
      text: (who: string) => `The pass has ended; whether ${who} has used it was not seen.`,
    },
  },

  /** The same where a Temporary Access Pass is handed over and no password changed. */
  passStanding: {
    sending: { title: 'Handing over the mail …', text: () => 'No pass has been made yet.' },
    retrying: {
      title: 'The mail is not out yet; it is tried again',
      text: () => 'Nothing is lost. No pass has been made yet.',
    },
    changing: { title: 'Making the pass …', text: () => 'A mail server has accepted the mail.' },
    changeDelayed: {
      title: 'The directory wants to be asked again',
      text: () => 'The mail is out; its link opens once the pass has been made.',
    },
    opened: { title: 'The link was opened', text: (who: string) => `${who} can sign in now, once, with the pass.` },
    mailFailed: {
      title: 'The mail was refused',
      text: () => 'The mail server does not take mail for this address. No pass was made. Send to another address.',
    },
    mailMisconfigured: {
      title: 'The connector can’t send mail',
      text: () => 'Its mail settings need an operator. It keeps trying; no pass has been made yet.',
    },
    overdue: {
      title: 'It takes longer than it should',
      text: () => 'It is tried again and again. You can send to another address.',
    },
    signedIn: {
      title: 'The person says it worked',
      text: () => 'Not yet seen: a sign-in with the pass.',
    },
    rejected: { title: 'Stopped before a pass was made', text: () => 'Nothing was changed. The link is dead.' },
    cancelled: { title: 'Cancelled', text: () => 'No pass was made. The link is dead.' },
    refused: { title: 'The directory made no pass', text: () => 'The password stays as it was. The link is dead.' },
    expiredUnchanged: { title: 'Expired before a pass was made', text: () => 'The password stays as it was.' },
    expiring: { title: 'Expired', text: () => 'The link is dead. The pass is being removed.' },
    scrambled: {
      title: 'Expired, and the pass is removed',
      text: () => 'Nobody used the pass in time. The password stays as it was.',
    },
    killing: {
      title: 'Stopped: the link is dead',
      text: () => 'If the pass had been made already, it is being removed.',
    },
    killedUnchanged: { title: 'Stopped: the link is dead', text: () => 'No pass was made.' },
    killed: {
      title: 'Stopped: link dead, pass removed',
      text: () =>
        'Nobody can sign in with it. A password that was chosen after signing in with it is scrambled, and no other.',
    },
  },

  ladder: {
    title: 'Arrival',
    accepted: 'Accepted by a mail server',
    passwordSet: 'Password changed',
    opened: 'Link opened',
    passCreated: 'Pass made',
    passUsed: 'Signed in with the pass',
    changed: 'New password chosen by the person',
    changedSince: 'Password changed since, by whom is not recorded',
    done: 'done',
    active: 'in progress',
    awaited: 'waiting',
    trouble: 'needs attention',
    waiting: 'not yet',
    never: 'will not happen',
    to: (address: string) => `To ${address}`,
    nextAttempt: (when: string) => `Next try ${when}`,
    openBy: (when: string) => `The link can be opened until ${when}.`,
    changeBy: (when: string) => `A new password must be chosen by ${when}.`,
    useBy: (when: string) => `The pass can be used until ${when}.`,
    lost: 'No connection to the connector. What is shown here may be out of date; it is brought up to date as soon as the connector answers.',
    unreached: 'The mail server could not be reached.',
    startedBy: (who: string, when: string) => `Started by ${who}, ${when}`,
    details: 'All events',
  },

  event: {
    requested: 'Requested',
    prepared: 'Prepared',
    deferred: 'Put off',
    mailRefused: 'Mail refused',
    accepted: 'Mail accepted',
    passwordSet: 'Password set',
    armed: 'Link armed',
    opened: 'Link opened',
    leaseEnded: 'Link closed again, nothing reported',
    done: 'The person says it worked',
    changed: 'Password changed since',
    passCreated: 'Temporary Access Pass made',
    passUsed: 'Signed in with the pass',
    passEnded: 'The pass has ended',
    passRemoved: 'Pass removed',
    remembered: 'Address put on file',
    notRemembered: 'Address not put on file',
    bounced: 'Mail returned',
    reminded: 'Reminded',
    pinFailed: 'Wrong PIN',
    pinLocked: 'Locked after wrong PINs',
    alarm: 'Alarm raised by the recipient',
    rejected: 'Stopped before the change',
    cancelled: 'Cancelled',
    refused: 'Refused by the directory',
    expired: 'Expired',
    recalled: 'Stopped by an administrator',
    scrambled: 'Password scrambled',
    superseded: 'Replaced by a newer reset',
    reinstated: 'Valid again: the newer reset ended early',
    signedInAgain: 'An administrator signed in again',
    restored: 'Ended: restored from a backup',
  },

  tell: {
    title: (who: string) => `What to tell ${who}`,
    to: 'To',
    from: 'From',
    subject: 'Subject',
    spam: 'If it does not show up within a minute or two, look in spam.',
    sentence: (from: string, subject: string) =>
      `You are getting a mail from ${from} with the subject “${subject}”. Open its link to see your new password. If it isn’t there, look in spam.`,
    sentenceWithPin: (from: string, subject: string) =>
      `You are getting a mail from ${from} with the subject “${subject}”. Open its link and type the PIN that I gave you by phone. If it isn’t there, look in spam.`,
    sentencePass: (from: string, subject: string) =>
      `You are getting a mail from ${from} with the subject “${subject}”. Open its link to see a Temporary Access Pass, with which you sign in once without your password. If it isn’t there, look in spam.`,
    sentencePassWithPin: (from: string, subject: string) =>
      `You are getting a mail from ${from} with the subject “${subject}”. Open its link and type the PIN that I gave you by phone. You will see a Temporary Access Pass, with which you sign in once without your password. If it isn’t there, look in spam.`,
    copy: 'Copy as a sentence',
  },

  actions: {
    title: 'What you can do',
    sendAgain: 'Send again / elsewhere',
    cancel: 'Cancel the reset',
    cancelling: 'Cancelling …',
    kill: 'Wrong person: stop now',
    startOver: 'Start a new reset',
    showNewer: 'Show the newer one',
    confirmKill: 'Stop this reset now?',
    confirmKillText: (who: string) =>
      `The link dies at once. A password that was already set is replaced by one that nobody knows, and open sessions end. ${who} can’t sign in until there is a new reset.`,
    confirmKillPass:
      'The link dies at once. A pass that was already made is removed, and open sessions end. The password stays, unless it was changed after signing in with the pass.',
    confirm: 'Stop now',
    killing: 'Stopping …',
    back: 'Leave it running',
    grant: 'Sign in again and go on',
    granting: 'Going on …',
  },

  closing: {
    pin: 'The PIN has not been read out yet. It can’t be shown again.',
    draft: 'What you have typed will be lost.',
    sending: 'The answer is still outstanding.',
    leave: 'Close anyway',
    stay: 'Stay',
  },
};
