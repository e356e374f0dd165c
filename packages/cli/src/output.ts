// How commands print: people get tables and sentences, programs get JSON or YAML with the same content.
import { stringify } from 'yaml';

export const outputFormats = ['table', 'json', 'yaml'] as const;
export type OutputFormat = (typeof outputFormats)[number];

/** Where a command writes. Passed in, so that tests see what a user would see. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** Draws one line that the next call draws over; the empty text takes it away. For a person who watches. */
  status(text: string): void;
  /** True when a person watches: progress may redraw. */
  readonly interactive: boolean;
}

export function processTerminal(): Terminal {
  return {
    out: (text) => void process.stdout.write(`${text}\n`),
    err: (text) => void process.stderr.write(`${text}\n`),
    // ECMA-48: back to the first column, erase to the end of the line. What does not fit the line could not be erased.
    status: (text) => void process.stderr.write(`\r\u001b[K${text.slice(0, (process.stderr.columns ?? 80) - 1)}`),
    interactive: process.stdout.isTTY === true && process.stderr.isTTY === true && process.env.CI === undefined,
  };
}

/** Writes `value` as JSON or YAML, or lets `table` write it for a person. */
export function print(terminal: Terminal, format: OutputFormat, value: unknown, table: () => string): void {
  if (format === 'json') {
    terminal.out(JSON.stringify(value, null, 2));
  } else if (format === 'yaml') {
    terminal.out(stringify(value).trimEnd());
  } else {
    terminal.out(table());
  }
}

/** Columns aligned by spaces, as kubectl prints them: three spaces between, headings in capitals. */
export function formatTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [headings.map((heading) => heading.toUpperCase()), ...rows];
  const widths = headings.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('   ')
        .trimEnd(),
    )
    .join('\n');
}

/** With what would act on a terminal, or turn the text around, written as its code point: names in images are anybody's. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16) ?? ''}}`);
}

/** `12.3 MB` (decimal units, as registries and disks count). */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit] ?? 'B'}`;
}

/** `0.8 s`, `42 s`, `3 min 5 s`. */
export function formatDuration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  return `${minutes} min ${Math.round(seconds - minutes * 60)} s`;
}
