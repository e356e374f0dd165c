// The tables of docs/security.md: what came of the tries. VARVE_WRITE_DOCUMENTS=1 writes them anew.
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Attempt, Outcome } from './node-credential.fixture.ts';

const documentPath = fileURLToPath(new URL('../../../docs/security.md', import.meta.url));

/** The table between the two comments of that name in docs/security.md, and the one that the outcomes make. */
export async function documentedTable(
  name: string,
  outcomes: readonly Outcome[],
): Promise<{ readonly documented: string; readonly tried: string }> {
  const begin = `<!-- ${name}: begin -->\n`;
  const end = `\n<!-- ${name}: end -->`;
  const tried = formatTable(outcomes);
  const document = await readFile(documentPath, 'utf8');
  const [before = '', rest = ''] = document.split(begin);
  const [documented = '', after = ''] = rest.split(end);
  if (process.env.VARVE_WRITE_DOCUMENTS === undefined) return { documented, tried };
  await writeFile(documentPath, `${before}${begin}${tried}${end}${after}`);
  return { documented: tried, tried };
}

/** 409: it may, and the object is there already. */
export function isAllowed(code: number): boolean {
  return (code >= 200 && code < 300) || code === 409;
}

function formatTable(all: readonly Outcome[]): string {
  const verbs = new Map<string, string[]>();
  for (const { attempt, code } of all) {
    if (!isAllowed(code)) continue;
    const row = `| ${attempt.what} | ${whichOf(attempt)} |`;
    const known = verbs.get(row) ?? [];
    verbs.set(row, known.includes(attempt.verb) ? known : [...known, attempt.verb]);
  }
  return [
    '| what | which | verbs |',
    '| --- | --- | --- |',
    ...Array.from(verbs, ([row, allowed]) => `${row} ${allowed.join(', ')} |`),
    '',
    `${all.length} requests were tried; all others were refused.`,
  ].join('\n');
}

function whichOf({ object, namespace, detail }: Attempt): string {
  const where = namespace === '' ? '' : ` in \`${namespace}\``;
  return `${detail ?? object}${where}`;
}
