// Setting up the connector: what is asked, what is kept, and that a failure leaves everything as it was.

import { expect, test } from 'vitest';
import type { Answer } from '../../extension/connector-client.ts';
import { connect, disconnect, inquire, type SetUpDeps } from '../../extension/set-up.ts';
import type { Config } from '../../shared/api.ts';

const config: Config = {
  version: 1,
  organisation: { id: '1', name: 'Contoso' },
  authority: 'https://login.example/v2.0',
  protocol: 'oidc',
  clientId: 'c',
  scopes: ['s'],
};
const yes = async (): Promise<Answer<Config>> => ({ outcome: 'done', value: config });

/** A browser that grants, or not, and remembers. */
function world(answer: (origin: string) => Promise<Answer<Config>> = yes, grants = true) {
  const granted = new Set<string>();
  const kept: Record<string, unknown> = {};
  const deps: SetUpDeps = {
    withPort: true,
    config: answer,
    storage: {
      managed: { get: async () => ({}) },
      local: {
        get: async () => kept,
        set: async (items) => void Object.assign(kept, items),
        remove: async (keys) => {
          for (const key of keys) delete kept[key];
        },
      },
    },
    permissions: {
      request: async ({ origins }) => {
        if (grants) for (const origin of origins) granted.add(origin);
        return grants;
      },
      contains: async ({ origins }) => origins.every((origin) => granted.has(origin)),
      remove: async ({ origins }) => origins.map((origin) => granted.delete(origin)).includes(true),
    },
  };
  return { deps, granted, kept };
}

test('a connector that answers is kept, with permission for its origin alone', async () => {
  const { deps, granted, kept } = world();
  expect(await connect('reset.contoso.com', undefined, deps)).toEqual({
    is: 'connected',
    origin: 'https://reset.contoso.com',
    config,
  });
  expect(kept).toEqual({ connector: 'https://reset.contoso.com' });
  expect([...granted]).toEqual(['https://reset.contoso.com/*']);
});

test('the browser’s question is asked in the same turn as the click', () => {
  const { deps } = world();
  let asked = false;
  const request = async () => {
    asked = true;
    return true;
  };
  void connect('reset.contoso.com', undefined, { ...deps, permissions: { ...deps.permissions, request } });
  expect(asked).toBe(true);
});

test('another connector takes the place and the permission of the one before', async () => {
  const { deps, granted, kept } = world();
  await connect('one.example', undefined, deps);
  await connect('two.example', 'https://one.example', deps);
  expect(kept).toEqual({ connector: 'https://two.example' });
  expect([...granted]).toEqual(['https://two.example/*']);
});

test('an address that can’t be one is refused before the browser asks anything', async () => {
  const { deps, granted } = world();
  expect(await connect('http://reset.contoso.com', undefined, deps)).toEqual({ is: 'invalid' });
  expect(granted.size).toBe(0);
});

test('no permission, no connector', async () => {
  const { deps, kept } = world(yes, false);
  expect(await connect('reset.contoso.com', undefined, deps)).toEqual({ is: 'permissionRefused' });
  expect(kept).toEqual({});
});

test.each([
  [{ outcome: 'unknown', why: 'unreachable' } as const, 'unreachable'],
  [{ outcome: 'unknown', why: 'notConnector' } as const, 'notConnector'],
  [
    {
      outcome: 'failed',
      problem: { type: 'x', title: 'x', status: 503, detail: 'Busy.', code: 'unavailable' },
    } as const,
    'problem',
  ],
])('what does not answer as a connector is not kept: %j', async (answer, is) => {
  const { deps, granted, kept } = world(async () => answer);
  granted.add('https://one.example/*');
  kept.connector = 'https://one.example';
  expect((await connect('two.example', 'https://one.example', deps)).is).toBe(is);
  expect(kept).toEqual({ connector: 'https://one.example' });
  expect([...granted]).toEqual(['https://one.example/*']);
});

test('the connector in use keeps its permission when it doesn’t answer today', async () => {
  const { deps, granted } = world(async () => ({ outcome: 'unknown', why: 'unreachable' }));
  granted.add('https://one.example/*');
  expect((await connect('one.example', 'https://one.example', deps)).is).toBe('unreachable');
  expect([...granted]).toEqual(['https://one.example/*']);
  expect((await inquire('https://one.example', deps)).is).toBe('unreachable');
});

test('removing it gives the permission back', async () => {
  const { deps, granted, kept } = world();
  await connect('one.example', undefined, deps);
  await disconnect('https://one.example', deps);
  expect(kept).toEqual({});
  expect(granted.size).toBe(0);
});
