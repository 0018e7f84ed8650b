// What people read when they sign in at the connector and choose a new password.

export const signIn = {
  language: 'Language',
  signInTo: (organisation: string) => `Sign in to ${organisation}`,
  title: 'Sign in',
  userName: 'User name',
  password: 'Password',
  show: 'Show',
  hide: 'Hide',
  showPassword: 'Show password',
  hidePassword: 'Hide password',
  submit: 'Sign in',
  temporary: 'If you were sent a temporary password, enter it exactly as it was shown. Then you choose your own.',
  forgotten: 'Forgotten your password? Only your administrator can reset it.',
  support: (support: string) => `Help: ${support}`,

  missing: 'Enter your user name and your password.',
  wrong: 'This user name and password don’t belong together. Mind capital letters, and try again.',
  wait: (seconds: number) =>
    seconds < 60
      ? `Too many tries. Wait ${seconds === 1 ? 'one second' : `${seconds} seconds`}, then try again.`
      : `Too many tries. Wait ${seconds < 90 ? 'a minute' : `${Math.ceil(seconds / 60)} minutes`}, then try again.`,
  waited: 'You can try again now.',
  blocked: 'This account is blocked from signing in. Ask your administrator.',
  busy: 'We can’t sign you in at this moment. Wait a few seconds and try again.',

  newTitle: 'Choose a new password',
  newIntro: 'The password you used is a temporary one. Choose one that only you know.',
  signingInAs: 'Signing in as',
  newPassword: 'New password',
  repeat: 'New password again',
  save: 'Save and sign in',
  somebodyElse: 'Not you? Use another account',
  rules: 'The new password',
  ruleLength: (minimum: number) => `has at least ${minimum} characters`,
  ruleClasses: (classes: number) =>
    classes >= 4
      ? 'has small letters, capital letters, digits and symbols'
      : `has ${classes === 3 ? 'three' : classes === 2 ? 'two' : 'one'} of these: small letters, capital letters, digits, symbols`,
  ruleName: 'does not contain your name or user name',
  ruleCommon: 'is not easy to guess',
  ruleCharacters: 'has letters A–Z, digits, spaces and common symbols only',
  ruleRepeat: 'is the same in both fields',
  met: 'met',
  notMet: 'not met yet',
  allMet: 'The new password meets all the rules.',
  nameInside: 'Your new password must not contain your name or user name.',
  repeatWrong: 'The two new passwords are not the same. Type them again.',
  changedMeanwhile: 'Your password was changed in the meantime. Sign in with the one you got last.',

  worksTitle: 'Your new password works',
  works: 'From now on, sign in with it everywhere. Nobody else knows it.',
  signedInTitle: 'You are signed in',
  signedIn: 'Your user name and password work.',
  closePage: 'You can close this page.',
  goOn: (host: string) => `Go on to ${host}`,
  signOut: 'Sign out',
  signedOutTitle: 'You are signed out',
  signInAgain: 'Sign in again',

  expiredTitle: 'This sign-in has expired',
  expired:
    'It was left open too long, was already finished, or your browser did not keep its cookie. Close this window and start again.',
  refusedTitle: 'This sign-in can’t go on',
  refused: 'The app that brought you here asked for something that isn’t allowed. Tell your administrator this code:',
  originTitle: 'This form came from another page',
  origin: 'For your safety nothing was done. Open the sign-in page again and fill it in there.',
  notFoundTitle: 'There is no sign-in here',
  notFound: 'Check the address that you were given.',
  failedTitle: 'Something went wrong',
  failed: 'Nothing was changed. Try again in a moment.',
  startAgain: 'Start again',
};
