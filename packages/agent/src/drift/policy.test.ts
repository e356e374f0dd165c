import type { DriftPolicy } from '@varve/api';
import { expect, test } from 'vitest';
import type { Drift } from '../content/check.ts';
import { repairablePaths, reportedDrift } from './policy.ts';

const at = (path: string, kind: Drift['kind'] = 'Content'): Drift => ({ path, kind, message: 'm' });
const policy: DriftPolicy = [
  { path: '/', action: 'Repair' },
  { path: '/etc/app', action: 'Report' },
  { path: '/etc/cache', action: 'Ignore' },
];
const drift = [
  ...[at('/etc/motd'), at('/etc/motd', 'Mode'), at('/etc/app/conf'), at('/etc/cache/x', 'Missing')],
  at('/etc/issue', 'ExtendedAttributes'),
  ...[at('/proc/cmdline', 'KernelArgument'), at('/', 'Image')],
];

test('each difference is repaired, told or passed over, and a boot is never caused', () => {
  expect(repairablePaths(drift, policy)).toEqual(['/etc/motd', '/etc/issue']);
  expect(reportedDrift(drift, policy).map(({ path }) => path)).toEqual([
    '/etc/motd',
    '/etc/motd',
    '/etc/app/conf',
    '/etc/issue',
    '/proc/cmdline',
    '/',
  ]);
});

test('without a word from anybody everything is told and nothing touched', () => {
  expect(repairablePaths(drift)).toEqual([]);
  expect(reportedDrift(drift)).toEqual(drift);
});
