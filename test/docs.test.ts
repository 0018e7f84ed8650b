// What the documents say of files is true: each that they name exists, and each story of the simulator that they name is told.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { scenarios } from './sim/scenarios.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const documents = ['README.md', 'DECISIONS.md', ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`)];

describe.each(documents)('%s', (document) => {
  const text = readFileSync(join(root, document), 'utf8');

  it('names files that are there', () => {
    const named = [...text.matchAll(/`((?:connector|docs|extension|shared|test)\/[\w./-]+\.\w+)`/g)].map(
      ([, path = '']) => path,
    );
    expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  it('links to files that are there', () => {
    const linked = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)].map(([, path = '']) => path);
    expect(linked.filter((path) => !existsSync(join(root, dirname(document), path)))).toEqual([]);
  });
});

it('docs/guarantees.md names stories that are told', () => {
  const text = readFileSync(join(root, 'docs/guarantees.md'), 'utf8');
  const named = [...text.matchAll(/stor(?:y|ies) ((?:`\w+`(?:, )?)+)/g)].flatMap(([, list = '']) =>
    [...list.matchAll(/\w+/g)].map(String),
  );
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((name) => !Object.hasOwn(scenarios, name))).toEqual([]);
});
