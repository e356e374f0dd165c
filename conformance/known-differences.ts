// The differences from kube-apiserver that docs/api.md lists, each with its reason.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

const page = join(import.meta.dirname, '../docs/api.md');
const heading = '## Differences from kube-apiserver';

/** Titles of behaviours, each with the reason. */
export async function readKnownDifferences(): Promise<ReadonlyMap<string, string>> {
  return parseKnownDifferences(await readFile(page, 'utf8'));
}

/** The rows of the table below the heading: behaviour, what differs, why. */
export function parseKnownDifferences(text: string): ReadonlyMap<string, string> {
  const [, section] = text.split(`${heading}\n`);
  if (section === undefined) throw new Error(`docs/api.md has no section "${heading}"`);
  const [rows = ''] = section.split('\n## ');
  const known = new Map<string, string>();
  for (const line of rows.split('\n').filter((each) => each.startsWith('| '))) {
    const [, title = '', , reason = ''] = line.split('|').map((cell) => cell.trim());
    if (title === 'behaviour' || title.startsWith('---')) continue;
    if (reason === '') throw new Error(`docs/api.md gives no reason for "${title}"`);
    known.set(title, reason);
  }
  return known;
}
