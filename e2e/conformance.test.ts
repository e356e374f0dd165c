// The embedded API server answers as kube-apiserver did when `npm run conformance -- --record` was run last; differences
// are those of docs/api.md, and all of those.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { areas } from '../conformance/areas.ts';
import { titleOf } from '../conformance/behaviour.ts';
import { differencesOf } from '../conformance/compare.ts';
import { readKnownDifferences } from '../conformance/known-differences.ts';
import { readRecord } from '../conformance/record.ts';
import { type Results, runAreas } from '../conformance/run.ts';
import { startEmbedded } from '../conformance/subject.ts';

const known = await readKnownDifferences();
const recorded = await readRecord();
let answers: Results;
let errors: readonly unknown[];

beforeAll(async () => {
  await using server = await startEmbedded();
  answers = await runAreas(server, areas);
  errors = server.errors;
});

afterAll(() => {
  expect(errors).toEqual([]);
});

describe.each(areas.map((area) => ({ ...area, titles: area.behaviours.map((behaviour) => titleOf(area, behaviour)) })))(
  '$name',
  ({ titles }) => {
    test.each(titles)('%s', (title) => {
      const differences = differencesOf(answers.get(title), recorded.get(title));
      if (known.has(title)) expect(differences).not.toEqual([]);
      else expect(differences).toEqual([]);
    });
  },
);

test('nothing is recorded or listed that is not tried', () => {
  const titles = areas.flatMap((area) => area.behaviours.map((behaviour) => titleOf(area, behaviour)));
  expect([...recorded.keys()].filter((title) => !titles.includes(title))).toEqual([]);
  expect([...known.keys()].filter((title) => !titles.includes(title))).toEqual([]);
});
