// Every manifest in docs/configs.md is one that a server takes.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  kernelArgumentChangeOf,
  machineConfigResource,
  machineConfigurationResource,
  type ResourceDefinition,
} from '@varve/api';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

const page = readFileSync(fileURLToPath(new URL('../../../docs/configs.md', import.meta.url)), 'utf8');
const manifests = new Map(
  [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, text = '']) => [/^kind: (\w+)$/m.exec(text)?.[1], text]),
);

test.each<ResourceDefinition>([machineConfigResource, machineConfigurationResource])('$kind', (definition) => {
  const manifest = parse(manifests.get(definition.kind) ?? '', { version: '1.1' });
  const object = { metadata: manifest.metadata, ...definition.schema.parse(manifest) };
  expect(definition.validate?.(object, undefined)).toEqual([]);
});

test('the arguments that the page removes and adds', () => {
  const { spec } = machineConfigResource.schema.parse(parse(manifests.get('MachineConfig') ?? ''));
  expect(kernelArgumentChangeOf(spec)).toEqual({ add: ['audit=0'], remove: ['quiet'] });
});
