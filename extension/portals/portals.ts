// The list of portals.

import { adminCenter } from './admin-center.ts';
import type { Portal } from './portal.ts';

export const portals: readonly Portal[] = [adminCenter];

/** The portal that a page belongs to. */
export function portalOf(url: URL): Portal | undefined {
  return url.protocol === 'https:' ? portals.find((portal) => portal.hosts.includes(url.hostname)) : undefined;
}
