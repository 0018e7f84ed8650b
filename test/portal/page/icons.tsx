/** @jsxImportSource react */
// The few icons that the list asks for by name, drawn here: the real ones are a font from another server.

import { registerIcons } from '@fluentui/react/lib/Styling';

const paths = {
  Cancel: 'M3.5 3.5l9 9m0-9l-9 9',
  CheckMark: 'M3 8.5l3.5 3.5L13.5 5',
  ChevronDown: 'M3 6l5 5 5-5',
  ChevronRight: 'M6 3l5 5-5 5',
  CircleRing: 'M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8',
  Clear: 'M3.5 3.5l9 9m0-9l-9 9',
  Contact: 'M8 8.2a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2.5 14c.4-3 2.6-4.3 5.5-4.3s5.1 1.3 5.5 4.3',
  Filter: 'M2 4h12M4.5 8h7M6.5 12h3',
  Group:
    'M6 8a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM1.5 13.500c.3-2.6 2-3.8 4.5-3.800s4.2 1.2 4.5 3.800M11 8a2 2 0 1 0-.6-3.900M12 9.900c1.6.3 2.5 1.5 2.7 3.6',
  Home: 'M2.5 7.500L8 2.500l5.5 5v6h-4v-4h-3v4h-4z',
  Lock: 'M10.3 2.300a3.4 3.4 0 0 0-3.2 4.500L2.3 11.600v2.100h2.600v-1.700h1.700v-1.700h1l1.6-1.600a3.4 3.4 0 1 0 1.1-6.400zM11.3 4.800h.01',
  More: 'M8 3.200v.01M8 8v.01M8 12.800v.01',
  Refresh: 'M13 5.500A5.5 5.5 0 1 0 13.5 8M13.5 2.500v3.300h-3.3',
  Search: 'M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zm3.6-1.400L14 14',
  Settings:
    'M8 10.200a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.400zM8 1.800v2M8 12.200v2M1.8 8h2M12.2 8h2M3.6 3.600L5 5m6 6l1.4 1.400M12.4 3.600L11 5M5 11l-1.4 1.4',
  SortDown: 'M8 2.500v11m-4-4l4 4 4-4',
  SortUp: 'M8 13.500v-11m-4 4l4-4 4 4',
  StatusCircleCheckmark: 'M4.8 8.200l2.2 2.2 4.2-4.6',
  Waffle: 'M3 3h.01M8 3h.01M13 3h.01M3 8h.01M8 8h.01M13 8h.01M3 13h.01M8 13h.01M13 13h.01',
};

const dotted = new Set(['More', 'Waffle']);

registerIcons({
  icons: Object.fromEntries(
    Object.entries(paths).map(([name, path]) => [
      name,
      <svg key={name} viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
        <path
          d={path}
          fill="none"
          stroke="currentColor"
          strokeWidth={dotted.has(name) ? 2.2 : 1.2}
          strokeLinecap="round"
          strokeLinejoin="round"
        />
      </svg>,
    ]),
  ),
});
