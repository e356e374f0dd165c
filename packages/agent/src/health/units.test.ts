import { expect, test } from 'vitest';
import { checkUnits, parseUnitNames, type UnitStates, type Units } from './units.ts';

test('names are told from descriptions', () => {
  const text = [
    'app.service                 loaded failed failed The app.service of the host',
    '  dev-disk-by\\x2dlabel.swap loaded failed failed Swap',
    'user@1000.service           loaded failed failed User Manager',
    '',
  ].join('\n');
  expect(parseUnitNames(text)).toEqual(['app.service', 'dev-disk-by\\x2dlabel.swap', 'user@1000.service']);
});

function unitsIn(states: UnitStates): Units {
  return { states: async () => states, log: async (unit) => `log of ${unit}` };
}

const table: [name: string, before: UnitStates, now: UnitStates, message: string, output: string][] = [
  ['nothing failed', { failed: [], settled: true }, { failed: [], settled: true }, '', ''],
  ['failed before', { failed: ['a.service'], settled: true }, { failed: ['a.service'], settled: true }, '', ''],
  [
    'failed since',
    { failed: ['a.service'], settled: true },
    { failed: ['a.service', 'b.service', 'c.mount'], settled: true },
    'newly failed: b.service, c.mount',
    'log of b.service',
  ],
  [
    'still booting',
    { failed: [], settled: true },
    { failed: [], settled: false },
    'systemd is still starting units',
    '',
  ],
  ['never done with booting', { failed: [], settled: false }, { failed: [], settled: false }, '', ''],
];
test.each(table)('%s', async (_name, before, now, message, output) => {
  const result = await checkUnits(unitsIn(now), before, new AbortController().signal);
  expect(result).toMatchObject({ passed: message === '', message, output, required: true });
});
