// What a host's credential may do, found out by trying: every kind, verb, name and subresource, and the paths. The table of
// docs/security.md is what came of it; VARVE_WRITE_DOCUMENTS=1 writes it anew.
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Attempt, attemptsOf, type Outcome, tryAll } from './node-credential.fixture.ts';

const documentPath = fileURLToPath(new URL('../../../docs/security.md', import.meta.url));
const begin = '<!-- what a host may do: begin -->\n';
const end = '\n<!-- what a host may do: end -->';

let outcomes: readonly Outcome[] = [];

beforeAll(async () => {
  outcomes = await tryAll();
}, 120_000);

afterAll(() => {
  outcomes = [];
});

describe("a host's credential", () => {
  test('is tried with everything', () => {
    expect(outcomes).toHaveLength(attemptsOf().length);
    expect(outcomes.length).toBeGreaterThan(1000);
    const unclear = outcomes.filter(({ code }) => !isAllowed(code) && code !== 403);
    expect(unclear, 'what is allowed must also work, or the table would say too much').toEqual([]);
  });

  test('does what the table in docs/security.md says, and nothing else', async () => {
    const table = formatTable(outcomes);
    const document = await readFile(documentPath, 'utf8');
    const [before = '', rest = ''] = document.split(begin);
    const [documented = '', after = ''] = rest.split(end);
    if (process.env.VARVE_WRITE_DOCUMENTS !== undefined) {
      await writeFile(documentPath, `${before}${begin}${table}${end}${after}`);
      return;
    }
    expect(documented).toBe(table);
  });

  test('never touches what is not its own', () => {
    const strangers = outcomes.filter(({ attempt, code }) => isAllowed(code) && attempt.object === 'another');
    expect(strangers.map(({ attempt }) => attempt)).toEqual([]);
    const unnamed = outcomes.filter(({ attempt, code }) => isAllowed(code) && attempt.object === 'all');
    expect(unnamed.map(({ attempt }) => attempt)).toEqual([]);
  });
});

/** 409: it may, and the object is there already. */
function isAllowed(code: number): boolean {
  return (code >= 200 && code < 300) || code === 409;
}

function formatTable(all: readonly Outcome[]): string {
  const verbs = new Map<string, string[]>();
  for (const { attempt, code } of all) {
    if (!isAllowed(code)) continue;
    const row = `| ${attempt.what} | ${subjectOf(attempt)} |`;
    const known = verbs.get(row) ?? [];
    verbs.set(row, known.includes(attempt.verb) ? known : [...known, attempt.verb]);
  }
  return [
    '| what | which | verbs |',
    '| --- | --- | --- |',
    ...Array.from(verbs, ([row, allowed]) => `${row} ${allowed.join(', ')} |`),
    '',
    `${all.length} requests were tried; all others were refused with 403.`,
  ].join('\n');
}

function subjectOf({ object, namespace, detail }: Attempt): string {
  const where = namespace === '' ? '' : ` in \`${namespace}\``;
  return `${detail ?? object}${where}`;
}
