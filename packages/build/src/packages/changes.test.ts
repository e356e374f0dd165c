import { expect, test } from 'vitest';
import { comparePackages } from './changes.ts';
import type { InstalledPackage } from './package.ts';

function installed(...lines: string[]): InstalledPackage[] {
  return lines.map((line) => {
    const [name = '', version = '', architecture = 'amd64'] = line.split(' ');
    return { name, version, architecture };
  });
}

test('tells what was added, removed, upgraded and downgraded, by name', () => {
  const before = installed('openssl 3.0.20-1', 'jq 1.6-2', 'perl 5.36.0-7+deb12u4', 'bash 5.2');
  const after = installed('perl 5.36.0-7+deb12u3', 'openssl 3.0.22-1~deb12u2', 'haproxy 2.6', 'bash 5.2');
  expect(comparePackages(before, after, 'dpkg').map(({ name, change, from, to }) => [name, change, from, to])).toEqual([
    ['haproxy', 'added', [], ['2.6']],
    ['jq', 'removed', ['1.6-2'], []],
    ['openssl', 'upgraded', ['3.0.20-1'], ['3.0.22-1~deb12u2']],
    ['perl', 'downgraded', ['5.36.0-7+deb12u4'], ['5.36.0-7+deb12u3']],
  ]);
});

test('keeps architectures apart', () => {
  const before = installed('libc6 2.36 amd64', 'libc6 2.36 i386');
  const after = installed('libc6 2.37 amd64', 'libc6 2.36 i386');
  expect(comparePackages(before, after, 'dpkg')).toMatchObject([{ name: 'libc6', architecture: 'amd64' }]);
});

test('tells of a package with several versions which of them came and went', () => {
  const before = installed('kernel-core 6.9.4-1 x86_64', 'kernel-core 6.10.3-1 x86_64');
  const after = installed('kernel-core 6.10.3-1 x86_64', 'kernel-core 6.11.1-1 x86_64');
  expect(comparePackages(before, after, 'rpm')).toEqual([
    { name: 'kernel-core', architecture: 'x86_64', change: 'upgraded', from: ['6.9.4-1'], to: ['6.11.1-1'] },
  ]);
});

test('compares by the rules of the package manager', () => {
  const [before, after] = [installed('a 1.0'), installed('a 1.0a')];
  expect(comparePackages(before, after, 'rpm')).toMatchObject([{ change: 'upgraded' }]);
  // For rpm a caret sorts after the end of the text; dpkg has no such rule for another mark than the tilde.
  expect(comparePackages(installed('a 1.0^1'), installed('a 1.0.1'), 'rpm')).toMatchObject([{ change: 'upgraded' }]);
  expect(comparePackages(installed('a 1.0^1'), installed('a 1.0.1'), 'dpkg')).toMatchObject([{ change: 'downgraded' }]);
});
