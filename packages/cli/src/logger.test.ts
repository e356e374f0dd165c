import { expect, test } from 'vitest';
import { createLogger, priorityOf } from './logger.ts';

test.each([
  ['debug', '<7>'],
  ['info', '<6>'],
  ['warn', '<4>'],
  ['error', '<3>'],
] as const)('the journal is told that %s is %s', (level, priority) => {
  const lines: string[] = [];
  const logger = createLogger('debug', { journal: true, copy: { write: (line) => void lines.push(line) } });
  logger[level]({ a: 1 }, 'said');
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ a: 1, msg: 'said' });
  expect(priorityOf(lines[0] ?? '')).toBe(priority);
});

test('a level that there is not is wrong usage', () => {
  expect(() => createLogger('loud')).toThrow(expect.objectContaining({ code: 'USAGE' }));
});
