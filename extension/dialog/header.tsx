// Always in sight: which organisation, who acts, and the person as the connector knows them.

import type { Offer } from '#shared/api.ts';
import { Icon } from './icon.tsx';
import type { Flow } from './reset-flow.ts';
import { useRoom } from './room.tsx';

/** The product, the organisation, and who acts. */
export function Header({ flow }: { readonly flow: Flow }) {
  const { words } = useRoom();
  const organisation = flow.organisation?.name ?? flow.config?.organisation.name;
  return (
    <header class="top">
      <p class="mark">
        <img src="/icon/48.png" alt="" width="20" height="20" />
        {words.title}
      </p>
      {organisation && (
        <p class="organisation" data-testid="organisation" title={words.header.at(organisation)}>
          <Icon name="building" />
          <span class="hidden">{words.header.at('')}</span>
          <bdi>{organisation}</bdi>
        </p>
      )}
      {flow.caller && (
        <p class="caller" data-testid="caller" title={flow.caller.userPrincipalName}>
          {words.header.signedInAs(flow.caller.displayName)}
        </p>
      )}
    </header>
  );
}

/** The first letters of the first and the last name. */
function initials(name: string): string {
  const parts = name.split(/\s+/).filter((part) => /^\p{L}/u.test(part));
  const letters = [parts[0], parts.length > 1 ? parts.at(-1) : undefined].map((part) => [...(part ?? '')][0] ?? '');
  return letters.join('').toLocaleUpperCase();
}

/** The person, by what the connector knows and never by what the page said. */
export function PersonCard({ user }: { readonly user: Offer['user'] }) {
  const { words } = useRoom();
  const place = [user.jobTitle, user.department].filter(Boolean).join(' · ');
  return (
    <section class="person" aria-label={words.header.person} data-testid="person">
      <span class="initials" aria-hidden="true">
        {initials(user.displayName)}
      </span>
      <div>
        <h1 id="person" tabIndex={-1} data-testid="person-name">
          <bdi>{user.displayName}</bdi>
        </h1>
        <p class="user-name" dir="ltr" data-testid="person-user-name">
          {user.userPrincipalName}
        </p>
        <p class="place">
          {place && <bdi>{place}</bdi>}
          <span class="badge" data-state={user.accountEnabled ? 'active' : 'blocked'}>
            {user.accountEnabled ? words.header.active : words.header.blocked}
          </span>
        </p>
      </div>
    </section>
  );
}
