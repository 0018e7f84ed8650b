// Three runs: `unit` (fast, no browser), `postgres` (what stands on a database once more, on the other engine) and `e2e`
// (real browsers, two at a time). RR_TEST_DATABASE=postgres runs `unit` on Postgres, whole.
import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Tests of each part that holds data; those that run on both engines anyway (test/sql, jobs, key-holding) are not among them. */
const onBothEngines = [
  'test/{audit,master-key,token}.test.ts',
  'test/store/{credentials,roles,users}.test.ts',
  'test/filter/database.test.ts',
  'test/directory/embedded.test.ts',
  'test/resets/{reset,crash,late-walk,twice,grant}.test.ts',
  'test/signin/{keys,token-endpoint}.test.ts',
  'test/scim/rfc7644.test.ts',
  'test/graph/users-write.test.ts',
];

/** What takes longest, longest first: one that is begun last would be waited for alone. */
const long = [
  'torture/torture',
  'cluster/trouble',
  'torture/disk',
  'cluster/release',
  'resets/crash',
  'commands/serve',
];
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const found = long.findIndex((name) => moduleId.endsWith(`test/${name}.test.ts`));
      return found === -1 ? long.length : found;
    };
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}

const unit = {
  testTimeout: 60_000,
  // Whoever is the first to need a Postgres waits for its start.
  hookTimeout: 60_000,
  globalSetup: 'test/postgres/global.ts',
};

export default defineConfig({
  root: new URL('..', import.meta.url).pathname,
  test: {
    // Many wait for a process, a server or a clock: one more than there are cores.
    maxWorkers: availableParallelism() + 1,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**'],
          ...unit,
        },
      },
      {
        test: {
          name: 'postgres',
          include: onBothEngines,
          env: { RR_TEST_DATABASE: 'postgres' },
          ...unit,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 90_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
        },
      },
    ],
  },
});
