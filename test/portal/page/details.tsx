/** @jsxImportSource react */
// The details of a person, beside the list.

import { Panel } from '@fluentui/react/lib/Panel';
import type { PortalPerson } from './people.ts';

export function Details({ person }: { person: PortalPerson | undefined }) {
  return (
    <Panel
      isOpen={person !== undefined}
      isBlocking={false}
      headerText={person?.displayName ?? ''}
      closeButtonAriaLabel="Close"
      onDismiss={() => {
        location.hash = '#/users';
      }}
    >
      <dl className="details">
        <dt>Username</dt>
        <dd>{person?.userPrincipalName}</dd>
        <dt>Object ID</dt>
        <dd>{person?.id}</dd>
        <dt>Licenses</dt>
        <dd>{person?.licenses ?? 'Unlicensed'}</dd>
      </dl>
      <p className="details-note">
        The practice admin center can’t reset a password itself. Press “Reset &amp; resend” in the person’s row.
      </p>
    </Panel>
  );
}
