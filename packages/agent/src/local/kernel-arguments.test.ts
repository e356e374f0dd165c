import { kernelArgumentChangeOf, kernelCommandLine, type MachineConfigSpec } from '@varve/api';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { editKernelArguments } from './kernel-arguments.ts';

const base = ['root=LABEL=root', 'rw', 'quiet'];
const lineOf = (spec: MachineConfigSpec) => kernelCommandLine(base, kernelArgumentChangeOf(spec)).join(' ');

test.each([
  [{}, ['a=1'], [], 'root=LABEL=root rw quiet a=1'],
  [{}, [], ['quiet'], 'root=LABEL=root rw'],
  [{}, ['a=1 b'], ['quiet'], 'root=LABEL=root rw a=1 b'],
  [{ kernelArguments: ['a=1'] }, ['a=2'], ['a=1'], 'root=LABEL=root rw quiet a=2'],
  [{ kernelArguments: ['a=1'] }, ['a=1', 'rw'], [], 'root=LABEL=root rw quiet a=1'],
  [
    { config: { ignition: { version: '3.4.0' }, kernelArguments: { shouldExist: ['x'], shouldNotExist: ['rw'] } } },
    ['rw'],
    ['x'],
    'root=LABEL=root rw quiet',
  ],
])('%j with %j added and %j taken away', (spec, append, remove, line) => {
  expect(lineOf(editKernelArguments(spec, base, { append, remove }))).toBe(line);
});

test('what is not there cannot be taken away', () => {
  expect(() => editKernelArguments({}, base, { append: [], remove: ['debug'] })).toThrow(
    expect.objectContaining({ code: 'CONFIG_UNSUPPORTED', message: expect.stringContaining('debug') }),
  );
});

test('the rest of a config stays as it is', () => {
  const config = { ignition: { version: '3.4.0' }, storage: { directories: [{ path: '/etc/a' }] } };
  const edited = editKernelArguments({ osImageURL: 'x', config }, base, { append: ['a'], remove: ['quiet'] });
  expect(edited).toMatchObject({ osImageURL: 'x', config });
});

test('adding and taking away again changes nothing', () => {
  const words = fc.uniqueArray(fc.constantFrom('a', 'b=1', 'quiet', 'rw', 'c=2'), { minLength: 1 });
  fc.assert(
    fc.property(words, (list) => {
      const added = list.filter((word) => !base.includes(word));
      const there = editKernelArguments({}, base, { append: added, remove: [] });
      expect(editKernelArguments(there, base, { append: [], remove: added })).toEqual({});
      const gone = list.filter((word) => base.includes(word));
      const without = editKernelArguments({}, base, { append: [], remove: gone });
      expect(lineOf(editKernelArguments(without, base, { append: gone, remove: [] }))).toBe(base.join(' '));
    }),
  );
});
