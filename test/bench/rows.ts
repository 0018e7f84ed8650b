// What the button costs: `node test/bench/rows.ts`. Prints the content script's size, the time of our code for each row
// stamped over 40 jumps through 5,000 rows (CPU profile of the page), and the rows painted without a button.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { connector, jump, profile, root, startStage } from '../e2e/stage.ts';
import { outputOf } from '../practice/build.ts';

const script = 'content-scripts/users.js';
const rounds = 3;

const folder = outputOf(root, { browser: 'chrome', connector });
const stage = await startStage();
try {
  const size = async (path: string) => gzipSync(await readFile(join(folder, path)), { level: 9 }).length;
  console.log(
    `content script ${await size(script)} B, its style ${await size(script.replace('.js', '.css'))} B (gzip -9)`,
  );
  const costs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const page = await stage.open('rows=5000');
    await page.evaluate(() => {
      const seen = new WeakSet();
      Object.assign(window, { stamped: 0 });
      new MutationObserver((records) => {
        for (const { addedNodes } of records) {
          for (const node of addedNodes) {
            if (!(node instanceof Element) || !node.matches('.rr-reset') || seen.has(node)) continue;
            seen.add(node);
            (window as unknown as { stamped: number }).stamped++;
          }
        }
      }).observe(document, { childList: true, subtree: true });
    });
    const microseconds = await profile(page, script, () => jump(page));
    const stamped = Number(await page.evaluate('stamped'));
    const { rows, without, double } = await page.evaluate(() => window.painted);
    costs.push(microseconds / stamped);
    console.log(
      `round ${round + 1}: ${stamped} rows stamped, ${(microseconds / stamped).toFixed(1)} µs each; ` +
        `${rows} rows painted, ${without} without a button, ${double} with two`,
    );
    await page.close();
  }
  console.log(`median ${costs.toSorted((a, b) => a - b)[rounds >> 1]?.toFixed(1)} µs per row`);
} finally {
  await stage.close();
}
