// The tenants in Microsoft Graph, as the settings describe them: made at first need, kept for the life of the process,
// since their tokens are.

import type { Config } from '../config.ts';
import { type GraphTenant, graphTenantOf } from '../directory/graph.ts';
import type { Logger } from '../log.ts';
import type { Tenant } from '../tenant.ts';
import { endpointsOf, graphTenant } from './clouds.ts';
import { readCredential } from './credential.ts';
import { tokensOf } from './tokens.ts';

export interface GraphTenantsDeps {
  readonly fetch: typeof fetch;
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
  readonly log: Logger;
  /** Reads a PEM file. */
  readonly readFile: (path: string) => string;
  /** Waits, in milliseconds. */
  readonly pause?: (milliseconds: number) => Promise<void>;
}

/**
 * Gives the tenant in Graph behind one of ours; undefined where the directory is another. One registration of the
 * connector serves all of them.
 * @throws StartError, from what it returns, when the credential of the settings cannot be used
 */
export function graphTenants(config: Config, deps: GraphTenantsDeps): (tenant: Tenant) => GraphTenant | undefined {
  const { fetch, now, random, log, readFile, pause } = deps;
  const known = new Map<string, GraphTenant>();

  function make(tid: string): GraphTenant {
    const { issuer, graph } = endpointsOf(config.cloud, tid);
    const credential = readCredential(config, readFile);
    const tokens = tokensOf({
      ...{ fetch, now, random, log, issuer, graph, credential },
      clientId: config.clientId ?? '',
    });
    return graphTenantOf({ fetch, now, log, graph, tokens, as: config.graphAs, ...(pause ? { pause } : {}) });
  }

  return ({ directory }) => {
    const tid = graphTenant(directory);
    if (tid === undefined) return undefined;
    const made = known.get(tid) ?? make(tid);
    known.set(tid, made);
    return made;
  };
}
