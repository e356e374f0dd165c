// npm run conformance [-- [--record] AREA...]: asks the embedded API server and kube-apiserver the same, and prints both answers.
// Exits 1 where they differ in a way that docs/api.md does not list with a reason, or no longer in one that it lists.
// --record keeps what kube-apiserver answered in recorded.json.
import { parseArgs } from 'node:util';
import { areas } from './areas.ts';
import { titleOf } from './behaviour.ts';
import { readKnownDifferences } from './known-differences.ts';
import { readRecord, writeRecord } from './record.ts';
import { runAreas } from './run.ts';
import { startEmbedded, startKubernetes } from './subject.ts';
import { compareResults, formatTable } from './table.ts';

async function main(): Promise<number> {
  const { values, positionals: names } = parseArgs({
    allowPositionals: true,
    options: { record: { type: 'boolean' } },
  });
  const chosen = areas.filter(({ name }) => names.length === 0 || names.includes(name));
  const known = await readKnownDifferences();
  await using embedded = await startEmbedded();
  const ours = await runAreas(embedded, chosen);
  await using kubernetes = await startKubernetes();
  const theirs = await runAreas(kubernetes, chosen);
  if (values.record === true)
    await writeRecord(names.length === 0 ? theirs : new Map([...(await readRecord()), ...theirs]));
  const rows = compareResults(ours, theirs, known);
  process.stdout.write(`${formatTable(rows)}\n\n`);
  const titles = new Set(chosen.flatMap((area) => area.behaviours.map((behaviour) => titleOf(area, behaviour))));
  const outdated = [...known.keys()].filter((title) => {
    const row = rows.find((each) => each.title === title);
    return names.length === 0 ? row?.verdict !== 'known' : titles.has(title) && row?.verdict !== 'known';
  });
  for (const title of outdated) process.stdout.write(`docs/api.md lists a difference that is none: ${title}\n`);
  const count = (verdict: string) => rows.filter((row) => row.verdict === verdict).length;
  process.stdout.write(
    `${rows.length} behaviours: ${count('alike')} alike, ${count('known')} differ as docs/api.md says, ` +
      `${count('differs')} differ, ${count('failed')} could not be tried\n`,
  );
  return count('differs') + count('failed') + outdated.length > 0 ? 1 : 0;
}

process.exitCode = await main();
