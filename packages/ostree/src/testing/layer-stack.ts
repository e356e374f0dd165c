// Stacks of layers made by chance, for comparisons with other importers.
import fc from 'fast-check';
import { checksumOf } from '../checksum.ts';
import type { TarInput } from './tar.ts';

type Operation =
  | { kind: 'file'; place: string[]; name: string; content: Uint8Array; mode: number; uid: number; xattrs: number }
  | { kind: 'symlink'; place: string[]; name: string; target: string; uid: number }
  | { kind: 'hardlink'; place: string[]; name: string; to: number }
  | { kind: 'directory'; place: string[] }
  | { kind: 'whiteout'; place: string[]; name: string }
  | { kind: 'opaque'; place: string[] };

const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex');
const directoryNames = ['a', 'b', 'ü 🦆', "it's", '-d', 'W'.repeat(120), '…'];
const fileNames = ['f', 'g', '.hidden', '!odd', '%s\\n', 'new\nline', '\uffee', '🦆', `${'long-'.repeat(45)}`, '~'];
const xattrSets: Record<string, Uint8Array>[] = [
  {},
  {},
  {},
  { 'user.b': Buffer.from([0, 255, 10]), 'user.a': Buffer.from('a') },
  { 'security.capability': capability },
];

const place = fc.array(fc.constantFrom(...directoryNames), { maxLength: 4 });
const name = fc.constantFrom(...fileNames);
const id = fc.constantFrom(0, 0, 1, 1000, 70_000);

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      ...{ kind: fc.constant('file' as const), place, name, content: fc.uint8Array({ maxLength: 40 }), uid: id },
      mode: fc.constantFrom(0o644, 0o755, 0o4755, 0o2711, 0o1600, 0, 0o7777),
      xattrs: fc.nat({ max: xattrSets.length - 1 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      ...{ kind: fc.constant('symlink' as const), place, name, uid: id },
      target: fc.constantFrom('/etc/x', '../..', 'ü', 't'.repeat(300), ' '),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('hardlink' as const), place, name, to: fc.nat({ max: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('directory' as const), place }) },
  {
    weight: 3,
    arbitrary: fc.record({
      ...{ kind: fc.constant('whiteout' as const), place },
      name: fc.constantFrom(...fileNames, ...directoryNames),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('opaque' as const), place }) },
);

const layer = fc.array(operation, { minLength: 1, maxLength: 10 });

/** From bottom to top. */
export const layerStack: fc.Arbitrary<Operation[][]> = fc.array(layer, { minLength: 1, maxLength: 3 });

/**
 * A layer's entries below a directory, without what OSTree's tools and the OCI specification read differently: a directory
 * has the same metadata in each layer, and no layer hides a name that it also has.
 */
export function layerEntries(operations: readonly Operation[], root: string): TarInput[] {
  const entries = new Map<string, TarInput>();
  const files: TarInput[] = [];
  for (const step of operations) {
    const directory = [root, ...step.place].join('/');
    for (let end = root.split('/').length; end <= directory.split('/').length; end++) {
      const path = directory.split('/').slice(0, end).join('/');
      entries.set(`${path}/`, directoryEntry(path));
    }
    const own = entryOf(step, directory, files);
    if (own === undefined || entries.has(own.path) || isHidden(entries, directory, step)) continue;
    entries.set(own.path, own);
    if (step.kind === 'file') files.push(own);
  }
  return [...entries.values()];
}

function entryOf(step: Operation, directory: string, files: readonly TarInput[]): TarInput | undefined {
  switch (step.kind) {
    case 'file': {
      const { content, mode, uid, xattrs } = step;
      return { path: `${directory}/${step.name}`, content, mode, uid, gid: uid, xattrs: xattrSets[xattrs] ?? {} };
    }
    case 'symlink':
      return { path: `${directory}/${step.name}`, type: 'symlink', linkTarget: step.target, uid: step.uid };
    case 'hardlink': {
      const target = files[step.to];
      return (
        target && {
          ...target,
          path: `${directory}/${step.name}`,
          type: 'hardlink',
          linkTarget: target.path,
          content: '',
          xattrs: {},
        }
      );
    }
    case 'whiteout':
      return { path: `${directory}/.wh.${step.name}` };
    case 'opaque':
      return { path: `${directory}/.wh..wh..opq` };
    case 'directory':
      return undefined;
  }
}

/** Whether a layer would both have a name and hide it. */
function isHidden(entries: ReadonlyMap<string, TarInput>, directory: string, step: Operation): boolean {
  if (!('name' in step)) return false;
  if (step.kind !== 'whiteout') return entries.has(`${directory}/.wh.${step.name}`);
  return entries.has(`${directory}/${step.name}`);
}

function directoryEntry(path: string): TarInput {
  const chance = Number.parseInt(checksumOf(Buffer.from(path)).slice(0, 2), 16);
  return {
    path: `${path}/`,
    type: 'directory',
    mode: [0o755, 0o700, 0o1777, 0o2755][chance % 4] ?? 0o755,
    uid: chance % 3,
    gid: chance % 5,
    ...(chance % 7 === 0 && { xattrs: { 'user.directory': 'd' } }),
  };
}
