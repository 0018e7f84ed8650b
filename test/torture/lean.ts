// The mortal connector as one file: the same source, bundled once, so that a process that lives for a second does not spend
// it on finding a thousand modules. Whatever the source looks for beside itself it still finds there.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'vite';

const root = fileURLToPath(new URL('../..', import.meta.url));
let made: Promise<string> | undefined;

/** Path of the bundle; made at the first call, and removed with this process. */
export function leanConnector(): Promise<string> {
  made ??= make();
  return made;
}

async function make(): Promise<string> {
  const output = join(root, '.output');
  mkdirSync(output, { recursive: true });
  // In the project, so that what is not bundled (native code) is found.
  const outDir = mkdtempSync(join(output, 'torture-'));
  process.on('exit', () => rmSync(outDir, { recursive: true, force: true }));
  await build({
    ...{ root, configFile: false, logLevel: 'silent' },
    ssr: { noExternal: true, external: ['@node-rs/argon2', 'pg'] },
    build: {
      ...{ ssr: fileURLToPath(new URL('./mortal.ts', import.meta.url)), outDir, minify: false, target: 'node24' },
      rolldownOptions: { output: { entryFileNames: 'mortal.mjs' } },
    },
    plugins: [
      {
        name: 'places',
        transform: (code, id) =>
          code.includes('import.meta.url')
            ? { code: code.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(id).href)), map: null }
            : undefined,
      },
    ],
  });
  return join(outDir, 'mortal.mjs');
}
