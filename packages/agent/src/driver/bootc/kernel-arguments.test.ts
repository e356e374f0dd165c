import { expect, test } from 'vitest';
import { parseKernelArguments } from './kernel-arguments.ts';

test.each([
  ['kargs = ["mitigations=auto,nosmt"]', ['mitigations=auto,nosmt']],
  ['# text\nkargs = ["a b", "c"]\n', ['a', 'b', 'c']],
  ['kargs = ["console=ttyS0"]\nmatch-architectures = ["x86_64"]', ['console=ttyS0']],
  ['kargs = ["console=ttyS0"]\nmatch-architectures = ["aarch64", "powerpc64"]', []],
  ['kargs = []', []],
])('%j brings %j', (text, expected) => {
  expect(parseKernelArguments(text, '10.toml', 'x64')).toEqual(expected);
});

test.each(['', 'kargs = "a"', 'kargs = [1]', 'kargs = ["a"]\nother = 1', 'kargs = ["a"'])('%j is refused', (text) => {
  expect(() => parseKernelArguments(text, '/usr/lib/bootc/kargs.d/10.toml', 'x64')).toThrow(
    expect.objectContaining({ code: 'DRIVER_UNSUITABLE', message: expect.stringContaining('kargs.d/10.toml') }),
  );
});
