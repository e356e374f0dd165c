import { OciError } from '@varve/oci';
import { OstreeError } from '@varve/ostree';
import { expect, test } from 'vitest';
import { AgentError } from '../error.ts';
import { failureOf } from './failure.ts';

const enospc = Object.assign(new Error('ENOSPC: write'), { code: 'ENOSPC' });

test.each([
  [new AgentError('UNIT_FAILED', 'm'), 'UNIT_FAILED'],
  [new OciError('IMAGE_NOT_FOUND', 'm'), 'IMAGE_NOT_FOUND'],
  [new OstreeError('DISK_FULL', 'm'), 'DISK_FULL'],
  [enospc, 'DISK_FULL'],
  [new AgentError('UNIT_FAILED', 'm', { cause: enospc }), 'DISK_FULL'],
  [new Error('error: min-free-space-percent would be exceeded'), 'DISK_FULL'],
  [Object.assign(new Error('reset'), { code: 'ECONNRESET' }), 'HOST_COMMAND_FAILED'],
  ['text', 'HOST_COMMAND_FAILED'],
])('%s is %s', (error, code) => {
  expect(failureOf(error).code).toBe(code);
});

test('a message fits into the status', () => {
  expect(failureOf(new Error('x'.repeat(10_000))).message.length).toBeLessThan(4096);
});
