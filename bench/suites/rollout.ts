// How long the quickstart's stages take, and what the import of its base image costs beside the existing importer's way.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import spawn from 'nano-spawn';
import type { Row, Suite } from '../row.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const quickstart = join(root, 'scripts/quickstart/main.ts');

const stages: readonly (readonly [key: string, limit: string])[] = [
  ['up', 'start of one Node process: about 0.1 s'],
  ['base', 'cached: copying the layers to the registry, at disk speed'],
  ['build', 'cached: one buildah run without a step'],
  ['hosts', 'writing three times the unpacked image'],
  ['apply', 'two runs of kubectl'],
  ['rollout', 'three reboots one after the other, and one import of the changed layers per host'],
  ['outcome', ''],
];

async function runQuickstart(directory: string, signal: AbortSignal): Promise<Record<string, number>> {
  const timings = join(directory, 'timings.json');
  const args = ['--directory', join(directory, 'state'), '--timings', timings];
  await spawn(process.execPath, ['--disable-warning=ExperimentalWarning', quickstart, ...args], {
    signal,
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'inherit',
  });
  return JSON.parse(await readFile(timings, 'utf8')) as Record<string, number>;
}

export const rolloutSuite: Suite = {
  description: "time of quickstart's stages, caches warm (needs root)",
  async run(report, signal) {
    const directory = await mkdtemp(join(tmpdir(), 'varve-bench-'));
    try {
      report('first run: fills the caches');
      const first = await runQuickstart(directory, signal);
      report('second run: measured');
      const second = await runQuickstart(directory, signal);
      return rowsOf(first, second);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
};

function rowsOf(first: Record<string, number>, second: Record<string, number>): Row[] {
  const rows: Row[] = [];
  let total = 0;
  let firstTotal = 0;
  for (const [key, limit] of stages) {
    const seconds = second[key] ?? 0;
    total += seconds;
    firstTotal += first[key] ?? 0;
    rows.push({
      name: `quickstart-${key}`,
      unit: 's',
      ours: seconds,
      peer: { name: 'first run', value: first[key] ?? 0 },
      limit,
    });
  }
  rows.push({ name: 'quickstart-total', unit: 's', ours: total, peer: { name: 'first run', value: firstTotal } });
  return rows;
}
