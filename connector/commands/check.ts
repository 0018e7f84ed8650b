// `check`: every setting with its value, its source and what is wrong with it, and whether the parts answer.

import type { SettingLine } from '../config.ts';

/** One line per setting, aligned, problems below; for a terminal. */
export function settingTable(lines: readonly SettingLine[]): string {
  const shown = lines.filter((line) => line.env !== '');
  const wide = Math.max(...shown.map((line) => line.env.length));
  const rows = shown.map((line) => {
    const value = line.source === 'not set' ? '–' : line.shown === '' ? '(empty)' : line.shown;
    return `${line.problem ? '✗' : ' '} ${line.env.padEnd(wide)}  ${line.source.padEnd(11)}  ${value}`;
  });
  const problems = lines.flatMap((line) => (line.problem ? [`✗ ${line.problem}`] : []));
  return [...rows, ...(problems.length > 0 ? ['', ...problems] : [])].join('\n');
}
