// Loaded before connector/main.ts (`node --import`): the machine under one connector. Its clock is what a file says, the
// whole process's, also after it was frozen; its release may be a later one, whose list of migrations is longer.

import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

const clock = process.env.CLUSTER_CLOCK ?? '';
const release = process.env.CLUSTER_RELEASE;

let [offset, readAt] = [0, Number.NEGATIVE_INFINITY];
/** What the machine's clock is ahead by, in milliseconds; the file is looked at again after a moment. */
function ahead(): number {
  const at = performance.now();
  if (at - readAt > 10) {
    offset = Number(readFileSync(clock, 'utf8'));
    readAt = at;
  }
  return offset;
}

// Whoever started it may be killed: then nobody is left to end it.
process.on('disconnect', () => process.exit());
process.channel?.unref();

if (clock !== '') {
  const RealDate = Date;
  globalThis.Date = class extends RealDate {
    constructor(...given: unknown[]) {
      // biome-ignore lint/suspicious/noExplicitAny: Date's constructor has several shapes, all handed on
      super(...((given.length === 0 ? [RealDate.now() + ahead()] : given) as [any]));
    }
    static override now(): number {
      return RealDate.now() + ahead();
    }
  } as DateConstructor;
}

if (release !== undefined) {
  const real = new URL('../../connector/sql/migrations.ts', import.meta.url).href;
  const later = new URL(`./release-${release}.ts`, import.meta.url).href;
  registerHooks({
    resolve(specifier, context, next) {
      const resolved = next(specifier, context);
      // The later lists begin with the real one.
      const isLater = context.parentURL?.startsWith(new URL('./release-', import.meta.url).href);
      return resolved.url === real && !isLater ? { ...resolved, url: later } : resolved;
    },
  });
}
