// A Microsoft 365 tenant for the practice: a second connector whose embedded directory, Graph door and sign-in play Entra
// and Microsoft Graph, and the settings with which the practice's connector works on it.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { delegatedScopes } from '../../connector/entra/permissions.ts';
import { extensionClientId } from '../../connector/signin/clients.ts';
import { type ConnectorOptions, type ConnectorProcess, connectorProcess } from './connector.ts';
import { type Organisation, openOrganisation } from './organisation.ts';

export interface Cloud extends AsyncDisposable {
  readonly process: ConnectorProcess;
  readonly organisation: Organisation;
  /** For the connector that works on it. */
  readonly env: Readonly<Record<string, string>>;
}

/** Starts the tenant with the sample organisation in it, and registers the connector there. */
export async function startCloud(
  options: Omit<ConnectorOptions, 'env'>,
  say: (line: string) => void,
  signal?: AbortSignal,
): Promise<Cloud> {
  const folder = join(options.folder, 'cloud');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const process = await connectorProcess({ ...options, folder });
  try {
    const organisation = await openOrganisation(process, folder, say, signal);
    const made = await process.command(
      ...['client', 'create', '--name', 'Reset & Resend', '--api'],
      ...['--delegated', delegatedScopes('all').join(',')],
    );
    const secret = made.trimEnd().split('\n').at(-1) ?? '';
    const id = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(made)?.[0] ?? '';
    const config = await fetch(`${process.url}/api/config`);
    const { organisation: tenant } = (await config.json()) as { organisation: { id: string } };
    return {
      process,
      organisation,
      env: {
        RR_DIRECTORY: `graph://${tenant.id}`,
        RR_CLOUD: `${process.url}/signin/default ${process.url}`,
        RR_CLIENT_ID: id,
        RR_CLIENT_SECRET: secret,
        RR_EXTENSION_CLIENT_ID: extensionClientId,
        NODE_EXTRA_CA_CERTS: options.certificate.certFile,
      },
      [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
    };
  } catch (error) {
    await process[Symbol.asyncDispose]();
    throw error;
  }
}
