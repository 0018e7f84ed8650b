// What the extension's settings page and its popup say.

import type { SettingsMessages } from '../settings.ts';

export const settings: SettingsMessages = {
  product: 'Reset & Resend',
  settings: 'Settings',
  connector: {
    title: 'Connector',
    about: 'Your organisation’s own server. It changes passwords and sends the mail; nothing goes anywhere else.',
    address: 'Address',
    connect: 'Connect',
    connecting: 'Connecting…',
    remove: 'Remove',
    connected: (organisation) => `Connected to ${organisation}`,
    signInAt: (host) => `Administrators sign in at ${host}`,
    invalid: 'Enter an address that begins with https:// and has no path, for example https://reset.contoso.com',
    permissionRefused: 'The browser was not allowed to reach this address.',
    unreachable: (host) => `${host} does not answer. Check the address, and that the connector is running.`,
    notConnector: (host) => `Something answers at ${host}, but it is not a connector.`,
    notSaved: 'Nothing was changed.',
  },
  language: {
    title: 'Language',
    about: 'Of the button, the dialog and these settings. The mail’s language is chosen with each reset.',
    browser: (name) => `The browser’s (${name})`,
  },
  pages: {
    title: 'Admin center',
    about: 'The button appears in the list of active users on these two sites, and nowhere else.',
    allowed: 'Allowed',
    refused: 'The browser does not allow the extension on these sites yet.',
    allow: 'Allow',
  },
  managed: 'Set by your organisation',
  builtIn: 'Set by this practice build',
  version: (version) => `Version ${version}`,
  popup: {
    about: 'Reset someone’s password without looking for their row.',
    person: 'Name or sign-in address',
    open: 'Find',
    empty: 'Enter a name or an address.',
    noConnector: 'No connector has been set up yet.',
    setUp: 'Set up',
    adminCenter: 'Open active users',
    failed: 'The window could not be opened. Try again.',
  },
};
