// Every manifest in docs/configs.md and docs/trust.md is one that a server takes.
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  clusterImagePolicyResource,
  kernelArgumentChangeOf,
  machineConfigResource,
  machineConfigurationResource,
  type ResourceDefinition,
} from '@varve/api';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const keyData = Buffer.from(publicKey.export({ type: 'spki', format: 'pem' })).toString('base64');
const pages = ['configs.md', 'trust.md'].map((name) =>
  readFileSync(fileURLToPath(new URL(`../../../docs/${name}`, import.meta.url)), 'utf8'),
);
const manifests = new Map(
  [...pages.join('').matchAll(/```yaml\n(.*?)```/gs)].map(([, text = '']) => [
    /^kind: (\w+)$/m.exec(text)?.[1],
    text.replace('LS0tLS1C…', keyData),
  ]),
);

test.each<ResourceDefinition>([machineConfigResource, machineConfigurationResource, clusterImagePolicyResource])(
  '$kind',
  (definition) => {
    const manifest = parse(manifests.get(definition.kind) ?? '', { version: '1.1' });
    const object = { metadata: manifest.metadata, ...definition.schema.parse(manifest) };
    expect(definition.validate?.(object, undefined)).toEqual([]);
  },
);

test('the arguments that the page removes and adds', () => {
  const { spec } = machineConfigResource.schema.parse(parse(manifests.get('MachineConfig') ?? ''));
  expect(kernelArgumentChangeOf(spec)).toEqual({ add: ['audit=0'], remove: ['quiet'] });
});
