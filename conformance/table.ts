// The results of both servers side by side, as text.
import { differencesOf } from './compare.ts';
import { type Seen, summaryOf } from './observe.ts';
import type { Results } from './run.ts';

const mostPaths = 12;

export interface Row {
  readonly title: string;
  readonly embedded: string;
  readonly kubernetes: string;
  /** alike; differs; or known: docs/api.md has the reason. */
  readonly verdict: 'alike' | 'known' | 'differs' | 'failed';
  /** One line for each path at which they differ. */
  readonly details: readonly string[];
}

export function compareResults(embedded: Results, kubernetes: Results, known: ReadonlyMap<string, string>): Row[] {
  return [...kubernetes].map(([title, theirs]) => {
    const ours = embedded.get(title) ?? null;
    const differences = differencesOf(ours, theirs);
    return {
      title,
      embedded: summaryOf(ours),
      kubernetes: summaryOf(theirs),
      verdict: verdictOf(theirs, differences.length > 0, known.has(title)),
      details: differences
        .slice(0, mostPaths)
        .map(({ path, embedded: a, kubernetes: b }) => `${path}: ${shown(a)} | ${shown(b)}`),
    };
  });
}

/** A behaviour that cannot be run against the real server shows nothing. */
function verdictOf(theirs: Seen, differ: boolean, isKnown: boolean): Row['verdict'] {
  if (typeof theirs === 'object' && theirs !== null && 'failed' in theirs) return 'failed';
  if (!differ) return 'alike';
  return isKnown ? 'known' : 'differs';
}

/** Three columns; below a row that is not as it must be, where the two differ. */
export function formatTable(rows: readonly Row[]): string {
  const lines = [
    ['behaviour', 'embedded', 'kubernetes', ''],
    ...rows.map((row) => [row.title, row.embedded, row.kubernetes, row.verdict]),
  ];
  const widths = [0, 1, 2].map((column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const text: string[] = [];
  for (const [index, cells] of lines.entries()) {
    text.push(
      cells
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
    const row = rows[index - 1];
    if (row?.verdict === 'differs' || row?.verdict === 'failed')
      text.push(...row.details.map((detail) => `    ${detail}`));
  }
  return text.join('\n');
}

function shown(value: Seen | undefined): string {
  if (value === undefined) return '(nothing)';
  const text = JSON.stringify(value);
  return text.length <= 300 ? text : `${text.slice(0, 299)}…`;
}
