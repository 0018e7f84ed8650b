// /organization and /domains: what the operator has said of the organisation. Not writable.

import type { FastifyInstance } from 'fastify';
import type { Tenant } from '../tenant.ts';
import { callerOf, type Permissions } from './access.ts';
import { contextOf, type GraphDeps } from './deps.ts';
import { notFound } from './error.ts';
import { answerList } from './list.ts';

const organizationReads: Permissions = {
  delegated: ['User.Read', 'Organization.Read.All', 'Directory.Read.All', 'Directory.ReadWrite.All'],
  application: ['Organization.Read.All', 'Directory.Read.All', 'Directory.ReadWrite.All'],
};
const domainReads: Permissions = {
  delegated: ['Domain.Read.All', 'Directory.Read.All', 'Directory.ReadWrite.All'],
  application: ['Domain.Read.All', 'Directory.Read.All', 'Directory.ReadWrite.All'],
};

function organizationOf({ tid, name, domains }: Tenant) {
  return {
    id: tid,
    deletedDateTime: null,
    assignedPlans: [],
    businessPhones: [],
    city: null,
    country: null,
    countryLetterCode: null,
    displayName: name,
    marketingNotificationEmails: [],
    onPremisesLastSyncDateTime: null,
    onPremisesSyncEnabled: null,
    postalCode: null,
    preferredLanguage: null,
    provisionedPlans: [],
    securityComplianceNotificationMails: [],
    securityComplianceNotificationPhones: [],
    state: null,
    street: null,
    technicalNotificationMails: [],
    tenantType: 'AAD',
    verifiedDomains: domains.map((domain, at) => ({
      capabilities: 'Email',
      isDefault: at === 0,
      isInitial: at === 0,
      name: domain,
      type: 'Managed',
    })),
  };
}

function domainsOf({ domains, policy }: Tenant) {
  return domains.map((id, at) => ({
    id,
    authenticationType: policy.federatedDomains.includes(id) ? 'Federated' : 'Managed',
    availabilityStatus: null,
    isAdminManaged: true,
    isDefault: at === 0,
    isInitial: at === 0,
    isRoot: true,
    isVerified: true,
    passwordNotificationWindowInDays: null,
    // Passwords here do not run out.
    passwordValidityPeriodInDays: 2_147_483_647,
    supportedServices: ['Email'],
  }));
}

export function organizationRoutes(app: FastifyInstance, deps: GraphDeps): void {
  app.get('/organization', { config: { graph: organizationReads } }, async (request, reply) =>
    answerList(deps, request, reply, 'organization', [organizationOf(callerOf(request).tenant)]),
  );
  app.get('/organization/:id', { config: { graph: organizationReads } }, async (request, reply) => {
    const { tenant } = callerOf(request);
    const { id } = request.params as { id: string };
    if (id.toLowerCase() !== tenant.tid) throw notFound(id.slice(0, 256));
    return reply.send({ '@odata.context': contextOf(deps, 'organization/$entity'), ...organizationOf(tenant) });
  });
  app.get('/domains', { config: { graph: domainReads } }, async (request, reply) =>
    answerList(deps, request, reply, 'domains', domainsOf(callerOf(request).tenant)),
  );
  app.get('/domains/:id', { config: { graph: domainReads } }, async (request, reply) => {
    const { id } = request.params as { id: string };
    const found = domainsOf(callerOf(request).tenant).find((domain) => domain.id === id.toLowerCase());
    if (!found) throw notFound(id.slice(0, 256));
    return reply.send({ '@odata.context': contextOf(deps, 'domains/$entity'), ...found });
  });
}
