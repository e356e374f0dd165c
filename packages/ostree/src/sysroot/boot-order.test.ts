import { expect, test } from 'vitest';
import { type BootEntry, parseBootEntry } from './boot-entry.ts';
import { planBootOrder } from './boot-order.ts';

const [kernelA, kernelB] = ['a'.repeat(64), 'b'.repeat(64)];

function entry(fileName: string, index: number, version: number, boot: string): BootEntry {
  const text = `title OS (ostree:${index})\nversion ${version}\noptions rw ostree=${boot} quiet\nlinux /ostree/x\n`;
  const parsed = parseBootEntry(fileName, text);
  if (parsed === undefined) throw new Error('not an entry');
  return parsed;
}

test('numbers entries from the end, counts deployments per kernel, and keeps all else', () => {
  const plan = planBootOrder(
    [
      { entry: entry('ostree-1-os.conf', 2, 1, `/ostree/boot.1/os/${kernelA}/1`), directory: 'os/deploy/third' },
      { entry: entry('ostree-3-os.conf', 0, 3, `/ostree/boot.1/os/${kernelA}/0`), directory: 'os/deploy/first' },
      { entry: entry('ostree-2.conf', 1, 2, `/ostree/boot.1/other/${kernelB}/0`), directory: 'other/deploy/second' },
    ],
    0,
  );
  expect(plan).toEqual({
    bootVersion: 0,
    entries: [
      {
        fileName: 'ostree-3-os.conf',
        text: `title OS (ostree:0)\nversion 3\noptions rw ostree=/ostree/boot.0/os/${kernelA}/0 quiet\nlinux /ostree/x\n`,
      },
      {
        fileName: 'ostree-2-os.conf',
        text: `title OS (ostree:1)\nversion 2\noptions rw ostree=/ostree/boot.0/os/${kernelA}/1 quiet\nlinux /ostree/x\n`,
      },
      {
        fileName: 'ostree-1.conf',
        text: `title OS (ostree:2)\nversion 1\noptions rw ostree=/ostree/boot.0/other/${kernelB}/0 quiet\nlinux /ostree/x\n`,
      },
    ],
    links: [
      { path: `os/${kernelA}/0`, target: '../../../deploy/os/deploy/third' },
      { path: `os/${kernelA}/1`, target: '../../../deploy/os/deploy/first' },
      { path: `other/${kernelB}/0`, target: '../../../deploy/other/deploy/second' },
    ],
  });
});
