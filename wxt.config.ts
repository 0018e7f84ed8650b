// Builds the extension: `wxt build` (Chromium) and `wxt build -b firefox --mv3`. With RR_PRACTICE_CONNECTOR set to a
// loopback origin it builds the practice extension instead, into a folder of its own: a fixed id, that connector as the
// default, and permission for it. The store's build has none of the three.

import { defineConfig } from 'wxt';
import { geckoId, practiceKey } from './extension/identity.ts';
import { portals } from './extension/portals/portals.ts';
import { originPattern } from './extension/settings.ts';

const practice = process.env.RR_PRACTICE_CONNECTOR || undefined;
if (practice !== undefined && !/^https:\/\/(127\.0\.0\.1|localhost)(:\d+)?$/.test(practice)) {
  throw new Error('RR_PRACTICE_CONNECTOR must be an https origin on this machine, for example https://127.0.0.1:8787');
}

export default defineConfig({
  srcDir: 'extension',
  publicDir: 'extension/public',
  outDir: '.output',
  outDirTemplate: `${practice ? 'practice-' : ''}{{browser}}-mv{{manifestVersion}}{{modeSuffix}}`,
  imports: false,
  hooks: {
    // `imports: false` alone still lets a parameter called `storage` draw all of wxt/utils/storage into a bundle.
    'config:resolved': ({ config }) => {
      config.imports.presets = [];
      config.imports.imports = [];
    },
  },
  manifestVersion: 3,
  vite: () => ({
    define: { 'import.meta.env.RR_CONNECTOR': JSON.stringify(practice) ?? 'undefined' },
  }),
  zip: {
    // The sources that the store's reviewers build from: nothing that was made here, nothing that is a secret.
    excludeSources: ['data/**', 'coverage/**', '**/*.pem', '**/*.key', '**/*.crx', '**/*.db*', '**/.env*'],
  },
  manifest: ({ browser }) => ({
    name: '__MSG_name__',
    short_name: 'Reset & Resend',
    description: '__MSG_description__',
    default_locale: 'en',
    action: { default_title: '__MSG_name__' },
    // storage: settings, and the hint that the dialog opens with. identity: signing in, in a window of the browser's own.
    permissions: ['storage', 'identity'],
    host_permissions: [
      ...portals.flatMap((portal) => portal.hosts.map((host) => `https://${host}/*`)),
      ...(practice ? [originPattern(practice, browser !== 'firefox')] : []),
    ],
    // Asked for at set-up, for the connector's origin alone.
    optional_host_permissions: ['https://*/*'],
    content_security_policy: {
      extension_pages: [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        // The connector and the organisation's sign-in: addresses that only the installation knows.
        'connect-src https:',
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
      ].join('; '),
    },
    ...(browser === 'firefox'
      ? {
          browser_specific_settings: {
            gecko: {
              id: geckoId,
              strict_min_version: '140.0',
              // To the organisation's own connector alone: whose password it is, and one that an admin typed.
              data_collection_permissions: { required: ['personallyIdentifyingInfo', 'authenticationInfo'] },
            },
          },
        }
      : {
          minimum_chrome_version: '126',
          storage: { managed_schema: 'managed-schema.json' },
          ...(practice ? { key: practiceKey } : {}),
        }),
  }),
});
