import type { DisruptionPolicy, MachineConfigSpec } from '@varve/api';
import { expect, it } from 'vitest';
import { updateNeedsDrain } from './need.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const status = { booted: { checksum: '', imageDigest: digest } };
const image = `registry.test/os@${digest}`;

function spec(path: string, text: string, more: Partial<MachineConfigSpec> = {}): MachineConfigSpec {
  const file = { path, contents: { source: `data:,${text}` } };
  return { osImageURL: image, config: { ignition: { version: '3.4.0' }, storage: { files: [file] } }, ...more };
}

const quiet: DisruptionPolicy = {
  files: [
    { path: '/etc/quiet', actions: [{ type: 'None' }] },
    { path: '/etc/busy', actions: [{ type: 'Drain' }, { type: 'DaemonReload' }] },
  ],
};
const other = { osImageURL: `registry.test/os@sha256:${'b'.repeat(64)}` };
const mirror = { osImageURL: `mirror.test/os@${digest}` };

it.each<[string, MachineConfigSpec | undefined, MachineConfigSpec, boolean]>([
  ['a change that boots', spec('/etc/a', '1'), spec('/etc/a', '2'), true],
  ['a change that disturbs nobody', spec('/etc/quiet/a', '1'), spec('/etc/quiet/a', '2'), false],
  ['a change that drains without a boot', spec('/etc/busy', '1'), spec('/etc/busy', '2'), true],
  ['no change', spec('/etc/a', '1'), spec('/etc/a', '1'), false],
  ['another image', spec('/etc/a', '1'), spec('/etc/a', '1', other), true],
  ['the same image from elsewhere', spec('/etc/a', '1'), spec('/etc/a', '1', mirror), false],
  ['an image after none', spec('/etc/a', '1', { osImageURL: '' }), spec('/etc/a', '1'), false],
  ['kernel arguments', spec('/etc/a', '1'), spec('/etc/a', '1', { kernelArguments: ['x'] }), true],
  ['a config that nobody knows', undefined, spec('/etc/quiet/a', '1'), true],
  ['a directory in the place of a file', spec('/etc/quiet/a', '1'), spec('/etc/quiet/a/b', '1'), true],
  ['a file in the place of a directory', spec('/etc/quiet/a/b', '1'), spec('/etc/quiet/a', '1'), true],
])('%s', (_, current, next, drain) => expect(updateNeedsDrain({ status }, current, next, quiet)).toBe(drain));

it('an image that the host does not run by its own word', () => {
  expect(updateNeedsDrain({}, spec('/etc/a', '1'), spec('/etc/a', '1'), quiet)).toBe(true);
});
