import { describe, expect, test } from 'vitest';
import { type DriftPolicy, driftActionOf, healthChecksSchema } from './health-checks.ts';

describe('driftActionOf', () => {
  const policy: DriftPolicy = [
    { path: '/', action: 'Repair' },
    { path: '/etc/app', action: 'Ignore' },
    { path: '/etc/app/conf.d/', action: 'Report' },
    { path: '/etc/app/conf.d/main', action: 'Repair' },
  ];
  test.each([
    ['/etc/motd', 'Repair'],
    ['/etc/app', 'Ignore'],
    ['/etc/application', 'Repair'],
    ['/etc/app/other', 'Ignore'],
    ['/etc/app/conf.d', 'Report'],
    ['/etc/app/conf.d/other', 'Report'],
    ['/etc/app/conf.d/main', 'Repair'],
  ] as const)('%s: %s', (path, action) => {
    expect(driftActionOf(policy, path)).toBe(action);
    expect(driftActionOf([...policy].reverse(), path)).toBe(action);
  });

  test('what nobody spoke of is reported', () => {
    expect(driftActionOf([{ path: '/etc/app', action: 'Ignore' }], '/etc/motd')).toBe('Report');
  });
});

describe('healthChecksSchema', () => {
  test.each([
    [{ http: [{ name: 'web', url: 'file:///etc/shadow' }] }],
    [{ http: [{ name: 'Web Server', url: 'http://127.0.0.1/' }] }],
    [{ http: [{ name: 'web', url: 'https://127.0.0.1/', ca: 'a certificate' }] }],
    [{ http: [{ name: 'web', url: 'https://127.0.0.1/', caFile: 'ca.pem' }] }],
    [{ tcp: [{ name: 'db', host: '127.0.0.1', port: 0 }] }],
    [{ tcp: [{ name: 'db', host: '', port: 1 }] }],
    [{ deadlineSeconds: 0 }],
    [{ checkTimeoutSeconds: 601 }],
  ])('%j is refused', (checks) => {
    expect(healthChecksSchema.safeParse(checks).success).toBe(false);
  });

  test('every field may be left out', () => {
    expect(healthChecksSchema.parse({})).toEqual({});
  });
});
