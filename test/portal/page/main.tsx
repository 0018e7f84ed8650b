/** @jsxImportSource react */
// The practice admin center: the pages and the markup that the extension meets in the real one, made of the same list.
// Switches in the query: `rows=5000` (more people), `keyless=1` (the list reuses rows), `all=1` (no virtualisation).

import './fonts.ts';
import './icons.tsx';
import './style.css';
import { ThemeProvider } from '@fluentui/react/lib/Theme';
import { StrictMode, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { Shell } from './shell.tsx';
import { Users } from './users.tsx';

function useRoute(): string {
  const [route, setRoute] = useState(location.hash);
  useEffect(() => {
    const changed = () => setRoute(location.hash);
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return route;
}

function Page() {
  const route = useRoute();
  return (
    <Shell route={route}>
      {/^#\/users(?![^/?])/i.test(route) ? (
        <Users route={route} />
      ) : (
        <div className="elsewhere">
          <h1>Nothing to practise here</h1>
          <p>
            This page stands for the rest of the admin center. People are under <a href="#/users">Active users</a>.
          </p>
        </div>
      )}
    </Shell>
  );
}

if (location.hash === '') history.replaceState(null, '', '#/homepage');
const root = document.getElementById('root');
if (root) {
  createRoot(root).render(
    <StrictMode>
      <ThemeProvider>
        <Page />
      </ThemeProvider>
    </StrictMode>,
  );
}
