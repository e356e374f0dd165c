// docs/errors.md and the packages' error.ts files name the same codes. Two packages may share one that means the same
// (UNAUTHORIZED is the word of both Kubernetes and the registry protocol); it has one row.
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const packages = fileURLToPath(new URL('../packages', import.meta.url));
const catalogue = fileURLToPath(new URL('../docs/errors.md', import.meta.url));

/** Codes by package: every array exported from its error.ts under a name that ends in ErrorCodes. */
async function codesInPackages(): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  for (const name of (await readdir(packages)).sort()) {
    if (!(await readdir(`${packages}/${name}/src`)).includes('error.ts')) continue;
    const module: Record<string, unknown> = await import(`${packages}/${name}/src/error.ts`);
    for (const [key, value] of Object.entries(module)) {
      if (key.endsWith('ErrorCodes') && Array.isArray(value)) found.set(name, value.map(String));
    }
  }
  return found;
}

function duplicates(names: readonly string[]): string[] {
  return names.filter((name, index) => names.indexOf(name) !== index);
}

it('every code has one row, and every row a code', async () => {
  const byPackage = await codesInPackages();
  const codes = [...new Set([...byPackage.values()].flat())];
  const rows = (await readFile(catalogue, 'utf8'))
    .split('\n')
    .flatMap((line) => /^\| `?([A-Z][A-Z0-9_]+)`? +\|/.exec(line)?.[1] ?? []);
  expect(codes.length).toBeGreaterThan(20);
  for (const [name, own] of byPackage) expect(duplicates(own), name).toEqual([]);
  expect(duplicates(rows)).toEqual([]);
  expect(rows.sort()).toEqual(codes.sort());
});

it('every row says what the code means and what to do', async () => {
  for (const line of (await readFile(catalogue, 'utf8')).split('\n')) {
    if (!/^\| `?[A-Z][A-Z0-9_]+`? +\|/.test(line)) continue;
    const [, , meaning, cure] = line.split('|').map((cell) => cell.trim());
    expect(meaning, line).not.toBe('');
    expect(cure, line).not.toBe('');
  }
});
