// npm run bench -- SUITE [--json]: measures a suite and prints its rows.
import { parseArgs } from 'node:util';
import { formatRows, ratioOf, type Suite } from './row.ts';
import { agentSuite } from './suites/agent.ts';
import { apiSuite } from './suites/api.ts';
import { imagesSuite } from './suites/images.ts';
import { objectsSuite } from './suites/objects.ts';
import { rolloutSuite } from './suites/rollout.ts';

const suites: Record<string, Suite> = {
  agent: agentSuite,
  api: apiSuite,
  images: imagesSuite,
  objects: objectsSuite,
  rollout: rolloutSuite,
};

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: 'boolean' } } });
  const [name, ...rest] = positionals;
  const suite = name === undefined ? undefined : suites[name];
  if (suite === undefined || rest.length > 0) {
    process.stderr.write('usage: npm run bench -- SUITE [--json]\n\nsuites:\n');
    for (const [key, { description }] of Object.entries(suites)) process.stderr.write(`  ${key}  ${description}\n`);
    return 2;
  }
  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort());
  const rows = await suite.run((line) => void process.stderr.write(`${line}\n`), interrupt.signal);
  const text =
    values.json === true
      ? JSON.stringify(
          rows.map((row) => ({ ...row, ratio: ratioOf(row) })),
          null,
          2,
        )
      : formatRows(rows);
  process.stdout.write(`${text}\n`);
  return 0;
}

process.exitCode = await main();
