import { expect, test } from 'vitest';
import { Tree } from '../tree/tree.ts';
import { attributeLinks, refersTo, writeUnits } from './units.ts';

const wants = '/etc/systemd/system/multi-user.target.wants';

test.each([
  [{ path: `${wants}/a.service`, target: '/usr/lib/systemd/system/a.service' }, 'a.service', true],
  [{ path: '/etc/systemd/system/alias.service', target: '/usr/lib/systemd/system/a.service' }, 'a.service', true],
  [{ path: `${wants}/t@x.service`, target: '/usr/lib/systemd/system/t@.service' }, 't@x.service', true],
  [{ path: `${wants}/b.service`, target: '/usr/lib/systemd/system/b.service' }, 'a.service', false],
  [{ path: '/etc/systemd/system/a.service', target: '/dev/null' }, 'a.service', false],
])('%o refers to %s: %s', (link, unit, expected) => {
  expect(refersTo(link, unit)).toBe(expected);
});

test('links made by Also= are kept with the first enabled unit, older ones of others with nobody', () => {
  const own = { path: `${wants}/a.service`, target: '/usr/lib/systemd/system/a.service' };
  const also = { path: `${wants}/a.socket`, target: '/usr/lib/systemd/system/a.socket' };
  const older = { path: `${wants}/z.service`, target: '/usr/lib/systemd/system/z.service' };
  const units = [
    { name: 'm.service', state: 'masked' as const },
    { name: 'a.service', state: 'enabled' as const },
    { name: 'd.service', state: 'disabled' as const },
  ];
  expect(attributeLinks(units, [own, also, older], new Set([older.path]))).toEqual([
    { name: 'm.service', state: 'masked', links: [{ path: '/etc/systemd/system/m.service', target: '/dev/null' }] },
    { name: 'a.service', state: 'enabled', links: [own, also] },
    { name: 'd.service', state: 'disabled', links: [] },
  ]);
});

test('a state that nobody waits for any more is no failure of a unit', async () => {
  const units = [{ name: 'a.service', state: 'enabled' as const }];
  const setting = writeUnits(new Tree('/nowhere'), units, AbortSignal.abort());
  await expect(setting).rejects.toMatchObject({ name: 'AbortError' });
});
