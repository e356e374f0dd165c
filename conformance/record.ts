// What kube-apiserver answered, kept beside the behaviours: the embedded server can be held to it without a real one.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { seenOf } from './observe.ts';
import type { Results } from './run.ts';

const path = join(import.meta.dirname, 'recorded.json');

/** Behaviours that could not be run are left out. */
export async function writeRecord(results: Results): Promise<void> {
  const kept = [...results].filter(([, seen]) => !(typeof seen === 'object' && seen !== null && 'failed' in seen));
  await writeFile(path, `${JSON.stringify(Object.fromEntries(kept), null, 1)}\n`);
}

export async function readRecord(): Promise<Results> {
  const content: unknown = JSON.parse(await readFile(path, 'utf8'));
  const results: Results = new Map();
  for (const [title, seen] of Object.entries(Object(content))) results.set(title, seenOf(seen));
  return results;
}
