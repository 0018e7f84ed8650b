// Texts with holes, to be filled by what a tenant answers (ids), and the two shells and Bicep that write them down. A value
// can't end a quotation: every notation quotes the whole text between two holes.

/** What is only known once the tenant has answered. */
export const holes = {
  extensionApp: 'EXTENSION_APP',
  connectorApp: 'CONNECTOR_APP',
  connectorObject: 'CONNECTOR_OBJECT',
  extensionPrincipal: 'EXTENSION_PRINCIPAL',
  connectorPrincipal: 'CONNECTOR_PRINCIPAL',
  graphPrincipal: 'GRAPH_PRINCIPAL',
} as const;

export type Hole = keyof typeof holes;

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/** A hole inside a text. Its marks (private use) are refused in everything that a person gives. */
export function hole(name: Hole): string {
  return `\uE000${name}\uE001`;
}

/** Is this text free of line ends, control characters and the marks of holes? */
export function isPlain(text: string): boolean {
  return !/[\p{Cc}\p{Co}\u2028\u2029]/u.test(text);
}

/** The text in turn: what stands there, and holes. */
function parts(text: string): { text?: string; hole?: Hole }[] {
  return text
    .split(/(\uE000[a-zA-Z]+\uE001)/)
    .filter((part) => part !== '')
    .map((part) => (part.startsWith('\uE000') ? { hole: part.slice(1, -1) as Hole } : { text: part }));
}

/** Every hole filled. */
export function filled(text: string, values: Readonly<Partial<Record<Hole, string>>>): string {
  return parts(text)
    .map(({ text, hole }) => {
      if (hole === undefined) return text;
      const value = values[hole];
      if (value === undefined) throw new Error(`${hole} is not known yet`);
      return value;
    })
    .join('');
}

/** For bash and other POSIX shells. */
export function bash(text: string): string {
  const quoted = parts(text).map(({ text, hole }) =>
    hole === undefined ? `'${(text ?? '').replace(/'/g, "'\\''")}'` : `"$${holes[hole]}"`,
  );
  return quoted.join('') || "''";
}

/** The variable of a hole in PowerShell. */
export function powershellName(name: Hole): string {
  return `$${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}

/**
 * For PowerShell: an expression in parentheses where there is more than one part. PowerShell takes the typographic
 * apostrophes for the plain one, so each is doubled.
 */
export function powershell(text: string): string {
  const quoted = parts(text).map(({ text, hole }) =>
    hole === undefined ? `'${(text ?? '').replace(/['\u2018\u2019\u201A\u201B]/g, '$&$&')}'` : powershellName(hole),
  );
  if (quoted.length === 0) return "''";
  return quoted.length === 1 ? (quoted[0] ?? '') : `(${quoted.join(' + ')})`;
}

/** For Bicep; `${` starts an interpolation there, and is not one of ours unless it fills a hole. */
export function bicep(text: string, names: Readonly<Partial<Record<Hole, string>>>): string {
  const found = parts(text);
  const only = found.length === 1 ? found[0]?.hole : undefined;
  if (only !== undefined) return names[only] ?? only;
  const inner = found.map(({ text, hole }) =>
    hole === undefined
      ? (text ?? '').replace(/\\/g, '\\\\').replace(/'/g, "\\'").replace(/\$\{/g, '\\${')
      : `\${${names[hole] ?? hole}}`,
  );
  return `'${inner.join('')}'`;
}
