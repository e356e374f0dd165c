import { posix } from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { concerns, watchList } from './watch-list.ts';

const name = fc.stringMatching(/^[a-z]{1,6}$/);
const path = fc.array(name, { minLength: 1, maxLength: 5 }).map((parts) => `/etc/${parts.join('/')}`);
const file = (at: string) => ({ kind: 'file' as const, path: at, mode: 0o644, uid: 0, gid: 0, sha256: '', size: 0 });

test('every step on the way to a managed path is watched, and nothing else', () => {
  fc.assert(
    fc.property(fc.array(path, { minLength: 1, maxLength: 5 }), name, (paths, other) => {
      const list = watchList({ entries: paths.map(file), units: [] });
      for (const managed of paths) {
        for (let child = managed; child !== '/'; child = posix.dirname(child)) {
          expect(concerns(list, posix.dirname(child), posix.basename(child))).toBe(true);
        }
      }
      const stranger = `stranger-${other}`;
      for (const directory of list.keys()) expect(concerns(list, directory, stranger)).toBe(false);
    }),
  );
});

test('any name matters where units are enabled, and a directory that says that it is gone itself', () => {
  const link = {
    path: '/etc/systemd/system/multi-user.target.wants/a.service',
    target: '/usr/lib/systemd/system/a.service',
  };
  const list = watchList({
    entries: [file('/etc/app/conf')],
    units: [{ name: 'a.service', state: 'enabled', links: [link] }],
  });
  expect(concerns(list, '/etc/systemd/system', 'new.service')).toBe(true);
  expect(concerns(list, '/etc/systemd/system/multi-user.target.wants', 'new.service')).toBe(true);
  expect(concerns(list, '/etc/app', 'app')).toBe(true);
  expect(concerns(list, '/etc/app', null)).toBe(true);
  expect(concerns(list, '/etc/elsewhere', 'x')).toBe(false);
});
