import { expect, test } from 'vitest';
import { type CheckResult, checkResultSchema, failed, judge, maxOutput, passed } from './result.ts';

const table: [name: string, results: CheckResult[], failing: string | undefined, warnings: string[]][] = [
  ['nothing is checked', [], undefined, []],
  ['all pass', [passed('a'), passed('b', false)], undefined, []],
  ['a wanted check only warns', [passed('a'), failed('b', 'm', '', false)], undefined, ['b']],
  ['the first required one counts', [failed('w', 'm', '', false), failed('a', 'm'), failed('b', 'm')], 'a', ['w']],
];
test.each(table)('%s', (_name, results, failing, warnings) => {
  const verdict = judge(results);
  expect(verdict.healthy).toBe(failing === undefined);
  expect(verdict.failing?.name).toBe(failing);
  expect(verdict.warnings.map(({ name }) => name)).toEqual(warnings);
});

test('whatever a check says fits its limits, and the end of the output is kept', () => {
  const result = failed('n'.repeat(9_000), 'm'.repeat(9_000), `${'x'.repeat(9_000)}the reason`);
  expect(checkResultSchema.safeParse(result).success).toBe(true);
  expect(result.output.length).toBe(maxOutput);
  expect(result.output.endsWith('the reason')).toBe(true);
});
