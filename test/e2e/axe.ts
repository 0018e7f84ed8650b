// Runs axe-core on a part of a page, in a world of its own, because the pages' policies let no stranger's script in.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Page } from 'puppeteer-core';
import { settled } from '../practice/acts.ts';

const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** What is wrong with the elements of a selector (WCAG 2.2 A and AA), and how many rules had something to look at. */
export async function axe(page: Page, selector: string): Promise<{ violations: string[]; passes: number }> {
  await settled(page);
  const source = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  const client = await page.createCDPSession();
  const { frameTree } = await client.send('Page.getFrameTree');
  const world = await client.send('Page.createIsolatedWorld', { frameId: frameTree.frame.id });
  const evaluate = (expression: string) =>
    client.send('Runtime.evaluate', {
      expression,
      contextId: world.executionContextId,
      awaitPromise: true,
      returnByValue: true,
    });
  await evaluate(source);
  const { result } = await evaluate(
    `axe.run(${JSON.stringify(selector)}, { runOnly: ${JSON.stringify(tags)} }).then(({ violations, passes }) => ({
      violations: violations.map(({ id, nodes }) => id + ': ' + nodes[0].html + ' ' + nodes[0].failureSummary),
      passes: passes.length,
    }))`,
  );
  await client.detach();
  return result.value;
}
