/** @jsxImportSource react */
// What surrounds the list: the practice banner, the top bar, the navigation.

import { Icon } from '@fluentui/react/lib/Icon';
import type { ReactNode } from 'react';

const places = [
  { hash: '#/homepage', name: 'Home', icon: 'Home' },
  { hash: '#/users', name: 'Active users', icon: 'Contact' },
  { hash: '#/groups', name: 'Teams & groups', icon: 'Group' },
  { hash: '#/settings', name: 'Settings', icon: 'Settings' },
] as const;

export function Shell({ route, children }: { route: string; children: ReactNode }) {
  return (
    <div id="admin-home-container" className="shell">
      <div className="practice" role="note">
        <strong>Practice</strong> – an admin center on this computer with sample people. Nothing here is real.
      </div>
      <header className="bar">
        <Icon iconName="Waffle" />
        <span>Contoso</span>
        <span className="bar-title">Admin center</span>
      </header>
      <nav className="nav" aria-label="Admin center" data-hint="ReactLeftNav">
        {places.map(({ hash, name, icon }) => (
          <a key={hash} href={hash} aria-current={route.toLowerCase().startsWith(hash) ? 'page' : undefined}>
            <Icon iconName={icon} />
            {name}
          </a>
        ))}
      </nav>
      <main className="main">{children}</main>
    </div>
  );
}
