import type { FileChange, ImageDiff } from '@varve/build';
import { digestOf } from '@varve/oci';
import { describe, expect, test } from 'vitest';
import { formatDiff } from './image-diff-table.ts';

const [before, after] = ['before', 'after'].map((text) => digestOf(Buffer.from(text)));

function diffOf(changes: Partial<ImageDiff>): ImageDiff {
  const image = { osRelease: 'Debian 12', kernels: ['6.1.0-55'] };
  return {
    before: { ...image, name: 'r.example/os:1', digest: before ?? digestOf(Buffer.alloc(0)) },
    after: { ...image, name: 'r.example/os:2', digest: after ?? digestOf(Buffer.alloc(0)) },
    packages: [],
    unreadPackages: [],
    files: [],
    labels: [],
    fetch: {
      layers: { bytes: 0, reused: 5_000_000 },
      files: { bytes: 0, reused: 5_000_000 },
      chunkedLayers: 0,
      missingLayers: 0,
    },
    ...changes,
  };
}

function file(path: string, change: Partial<FileChange> = {}): FileChange {
  return { path, change: 'changed', type: 'file', aspects: ['content'], sizeBefore: 1000, sizeAfter: 2000, ...change };
}

function linesOf(changes: Partial<ImageDiff>, allFiles = false): string[] {
  return formatDiff(diffOf(changes), { allFiles }).split('\n');
}

describe('formatDiff', () => {
  test('of two equal images says so', () => {
    expect(linesOf({})).toEqual([
      `r.example/os:1 (${before})`,
      `  → r.example/os:2 (${after})`,
      'system:    Debian 12 (no change)',
      'kernel:    6.1.0-55 (no change)',
      'packages:  no change',
      'files:     no change',
      'labels:    no change',
      'to fetch:  nothing; a host that has the first image has all layers',
    ]);
  });

  test('lists packages with their versions', () => {
    const packages = [
      { name: 'haproxy', architecture: 'amd64', change: 'upgraded' as const, from: ['2.6'], to: ['2.8'] },
      { name: 'jq', architecture: 'amd64', change: 'removed' as const, from: ['1.6'], to: [] },
    ];
    expect(linesOf({ packages })).toEqual(
      expect.arrayContaining(['packages:  1 removed, 1 upgraded', '  ↑ haproxy  2.6 → 2.8', '  - jq       1.6']),
    );
  });

  test('says which records of packages were not read', () => {
    const lines = linesOf({ unreadPackages: ['/var/lib/rpm/Packages is old'] });
    expect(lines).toEqual(expect.arrayContaining(['packages:  not compared', '  /var/lib/rpm/Packages is old']));
  });

  test('counts files of packages, and names others', () => {
    const files = [
      file('/usr/bin/jq', { package: 'jq' }),
      file('/etc/a', { change: 'added', aspects: [], sizeBefore: 0 }),
      file('/etc/b', { aspects: ['mode', 'owner'] }),
      file('/etc/c', { type: 'symlink', sizeBefore: 0, sizeAfter: 0 }),
    ];
    expect(linesOf({ files }).slice(5, 11)).toEqual([
      'files:     1 added, 3 changed',
      '  jq: 1 changed, 2.0 kB',
      '  /etc (of no package): 1 added, 2 changed, 2.0 kB',
      '    + /etc/a  2.0 kB',
      '    ~ /etc/b  1.0 kB → 2.0 kB  (mode, owner)',
      '    ~ /etc/c',
    ]);
    expect(linesOf({ files }, true)).toContain('    ~ /usr/bin/jq  1.0 kB → 2.0 kB');
  });

  test('names ten files of a directory, and all when asked', () => {
    const files = Array.from({ length: 14 }, (_, index) => file(`/etc/${index}`));
    expect(linesOf({ files })).toContain('    … 4 more; --files names them');
    expect(linesOf({ files }, true).filter((line) => line.includes('/etc/'))).toHaveLength(14);
  });

  test('tells what a host fetches, by layers and by files', () => {
    const fetch = {
      layers: { bytes: 16_200_000, reused: 0 },
      files: { bytes: 1_400_000, reused: 0 },
      chunkedLayers: 1,
      missingLayers: 1,
    };
    expect(linesOf({ fetch }).at(-1)).toBe(
      'to fetch:  1.4 MB of changed files, by a host that has the first image (16.2 MB in 1 layer)',
    );
    expect(linesOf({ fetch: { ...fetch, chunkedLayers: 0 } }).at(-1)).toMatch(/^to fetch: {2}16.2 MB in 1 layer; /);
  });

  test('lets no name act on the terminal', () => {
    const files = [file('/etc/\u001b[2Jx\n\u202egnp')];
    expect(linesOf({ files }).at(7)).toBe('    ~ /etc/\\u{1b}[2Jx\\u{a}\\u{202e}gnp  1.0 kB → 2.0 kB');
  });

  test('shows labels that came, went and changed', () => {
    const labels = [
      { name: 'a', after: '1' },
      { name: 'b', before: '1' },
      { name: 'c', before: '1', after: '2' },
    ];
    expect(linesOf({ labels })).toEqual(expect.arrayContaining(['  + a=1', '  - b=1', '  ~ c: 1 → 2']));
  });
});
