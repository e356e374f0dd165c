import { describe, expect, test } from 'vitest';
import { formatBootEntry, parseBootEntry } from './boot-entry.ts';

const checksum = '1404b01e01d7794d09234a2bd3041a3d0eb0767202648379e6a3dfd2be8578e2';
const text = `title Debian GNU/Linux 12 (bookworm) (ostree:1)
version 1
options root=LABEL=root console=tty1 rw ostree=/ostree/boot.0/varve/${checksum}/1
linux /ostree/varve-${checksum}/vmlinuz-6.1
initrd /ostree/varve-${checksum}/initramfs-6.1.img
aboot /a b
`;

describe('parseBootEntry', () => {
  test('reads what ostree writes', () => {
    expect(parseBootEntry('ostree-1-varve.conf', text)).toMatchObject({
      fileName: 'ostree-1-varve.conf',
      version: 1,
      kernelArguments: ['root=LABEL=root', 'console=tty1', 'rw'],
      boot: { bootVersion: 0, stateroot: 'varve', bootChecksum: checksum, serial: 1 },
    });
  });

  test('keeps every field, so that the entry can be written again', () => {
    const entry = parseBootEntry('x.conf', `# a comment\n\n${text}`);
    expect(entry && formatBootEntry(entry)).toBe(text);
  });

  test('passes over entries that boot something else', () => {
    expect(parseBootEntry('windows.conf', 'title Windows\nefi /EFI/x.efi\n')).toBeUndefined();
    expect(parseBootEntry('empty.conf', '')).toBeUndefined();
  });

  test.each([
    ['a path that leaves the tree', text.replace('/varve/', '/../')],
    ['a boot version that there is not', text.replace('boot.0', 'boot.2')],
    ['no version', text.replace('version 1\n', '')],
  ])('refuses %s', (_, broken) => {
    expect(() => parseBootEntry('x.conf', broken)).toThrow('which OSTree does not write');
  });
});
