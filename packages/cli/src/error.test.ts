import { expect, it } from 'vitest';
import { CliError, describeError, exitCodeOf } from './error.ts';

it('prints the code, the message and causes that add something, and no stack', () => {
  const cause = new Error('connect ECONNREFUSED 127.0.0.1:7443');
  const error = new CliError('ROLLOUT_TIMEOUT', 'pool worker is not updated', { cause });
  expect(describeError(error)).toBe(
    'ROLLOUT_TIMEOUT: pool worker is not updated\n  because: connect ECONNREFUSED 127.0.0.1:7443',
  );
  expect(describeError(new Error('outer: inner', { cause: new Error('inner') }))).toBe('outer: inner');
  expect(describeError('text')).toBe('text');
});

it.each([
  [new CliError('USAGE', ''), 2],
  [new CliError('KIND_UNKNOWN', ''), 1],
  [new DOMException('', 'AbortError'), 130],
  [new Error(''), 1],
])('%s exits with %d', (error, code) => {
  expect(exitCodeOf(error)).toBe(code);
});
