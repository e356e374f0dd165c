import { describe, expect, test } from 'vitest';
import { assertKernelArguments } from './kernel-arguments.ts';

describe('assertKernelArguments', () => {
  test('accepts what kernels are given', () => {
    assertKernelArguments([
      'quiet',
      'root=LABEL=root',
      'console=ttyS0,115200n8',
      'crashkernel=1G-4G:192M,4G-64G:256M',
      'rd.luks.name=5b6f-11=crypt',
      'ip=[fe80::1]:eth0',
      'module_blacklist=a,b',
      'ostreefoo=1',
    ]);
  });

  test.each([
    '',
    'a b',
    'a\nb',
    'a="b"',
    "a='b'",
    'a\\b',
    'a$b',
    'a`b`',
    'a;b',
    'a&b',
    'a|b',
    '{a}',
    'a#b',
    'ü',
    'a\0b',
    'a\tb',
  ])('refuses %j', (argument) => {
    expect(() => assertKernelArguments(['quiet', argument])).toThrow('boot loaders give a meaning');
  });

  test.each(['ostree=/ostree/boot.0/x', 'ostree'])('refuses %s, which is not for users', (argument) => {
    expect(() => assertKernelArguments([argument])).toThrow('set by OSTree itself');
  });

  test('refuses more than a kernel takes', () => {
    expect(() => assertKernelArguments([`a=${'x'.repeat(1800)}`])).toThrow('too many');
    expect(() => assertKernelArguments(Array.from({ length: 257 }, () => 'a'))).toThrow('too many');
  });
});
