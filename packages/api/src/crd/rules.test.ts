// The rules of the CustomResourceDefinitions and our own validation say the same about the same objects.
import { type CelInput, isCelError, run } from '@bufbuild/cel';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { normalPath, normalPathProblem } from '../ignition/path.ts';
import { kernelArgumentProblem, kernelArgumentRules } from '../kernel-argument.ts';
import { machineConfigResource } from '../kinds/machine-config.ts';
import { machineConfigNodeResource } from '../kinds/machine-config-node.ts';
import { machineConfigurationResource } from '../kinds/machine-configuration.ts';
import type { KubeObject, ResourceDefinition } from '../resource.ts';
import { type StructuralSchema, structuralSchema } from '../structural-schema.ts';

const apiVersion = 'machineconfiguration.openshift.io/v1';

function node(name: string, spec: string) {
  const own = { node: { name: spec }, pool: { name: 'worker' }, configVersion: { desired: '' } };
  return { apiVersion, kind: 'MachineConfigNode', metadata: { name }, spec: own };
}

function config(spec: object) {
  return { apiVersion, kind: 'MachineConfig', metadata: { name: 'a' }, spec };
}

function configuration(nodeDisruptionPolicy: object, name = 'cluster') {
  return {
    apiVersion: 'operator.openshift.io/v1',
    kind: 'MachineConfiguration',
    metadata: { name },
    spec: { nodeDisruptionPolicy },
  };
}

const none = [{ type: 'None' }];
const file = (path: string, actions: object[] = none) => configuration({ files: [{ path, actions }] });
const unit = (name: string, actions: object[] = none) => configuration({ units: [{ name, actions }] });
const reload = (serviceName: string) => ({ type: 'Reload', reload: { serviceName } });

describe.each<[ResourceDefinition, readonly [object: object, isValid: boolean][]]>([
  [
    machineConfigNodeResource,
    [
      [node('a', 'a'), true],
      [node('a', 'b'), false],
    ],
  ],
  [
    machineConfigResource,
    [
      [config({}), true],
      [config({ osImageURL: '' }), true],
      [config({ osImageURL: 'registry.example:5000/os/web:1' }), true],
      [config({ osImageURL: `[::1]:5000/os/web@sha256:${'a'.repeat(64)}` }), true],
      [config({ osImageURL: `registry.example/os@sha256:${'a'.repeat(63)}` }), false],
      [config({ osImageURL: 'docker://registry.example/os' }), false],
      [config({ baseOSExtensionsContainerImage: 'Registry/OS' }), false],
      [config({ kernelArguments: ['quiet', 'a=b c=d', 'console=ttyS0,115200n8'] }), true],
      [config({ kernelArguments: ['quiet', ''] }), false],
      [config({ kernelArguments: [' '] }), false],
      [config({ kernelArguments: ['a=$(reboot)'] }), false],
      [config({ kernelArguments: ['a="b"'] }), false],
      [config({ kernelArguments: ['a\\b'] }), false],
      [config({ kernelArguments: ['a\nb'] }), false],
      [config({ kernelArguments: ['ä'] }), false],
      [config({ kernelArguments: ['a =b'] }), false],
      [config({ kernelArguments: ['a ostree=/x'] }), false],
      [config({ kernelArguments: ['a.ostree=/x'] }), true],
    ],
  ],
  [
    machineConfigurationResource,
    [
      [configuration({}), true],
      [configuration({}, 'other'), false],
      [file('/etc/chrony.conf'), true],
      [file('/'), true],
      [file('etc'), false],
      [file('/etc/'), false],
      [file('/etc//a'), false],
      [file('/etc/../a'), false],
      [file('/etc/..a/.b/...'), true],
      [file('/etc/./a'), false],
      [file(`/${'a'.repeat(256)}`), false],
      [file('/a', [reload('crio.service'), { type: 'DaemonReload' }]), true],
      [file('/a', [reload('crio')]), false],
      [file('/a', [reload('-crio.service')]), false],
      [file('/a', [{ type: 'Reload' }]), false],
      [file('/a', [{ type: 'Restart', reload: { serviceName: 'a.service' } }]), false],
      [file('/a', [{ type: 'Drain', restart: { serviceName: 'a.service' } }]), false],
      [file('/a', [{ type: 'Drain' }, { type: 'Reboot' }]), false],
      [file('/a', [...none, { type: 'Drain' }]), false],
      [file('/a', []), true],
      [unit('getty@tty1.service'), true],
      [unit('a.b'), false],
      [configuration({ sshkey: { actions: [...none, ...none] } }), false],
    ],
  ],
])('$kind', (definition, samples) => {
  test.each(samples)('%j: %s', (object, isValid) => {
    const own = problems(definition, object);
    expect({ rules: brokenRules(structuralSchema(definition), object), own }).toSatisfy(
      ({ rules }: { rules: string[] }) => (rules.length === 0) === isValid && (own.length === 0) === isValid,
    );
  });
});

const words = fc.string({ unit: fc.constantFrom(...'ab=. $"\\\'ostree\n/-é') });

test('of a kernel argument', () => {
  fc.assert(
    fc.property(words, (argument) => {
      const broken = kernelArgumentRules.filter(({ rule }) => !holds(rule, argument));
      expect(broken.length > 0).toBe(kernelArgumentProblem(argument) !== undefined);
    }),
  );
});

test('of a path', () => {
  fc.assert(
    fc.property(words, (text) => {
      const path = `/${text}`;
      expect(new RegExp(normalPath).test(path)).toBe(normalPathProblem(path) === undefined);
    }),
  );
});

function problems(definition: ResourceDefinition, object: object): unknown[] {
  const parsed = definition.schema.parse(object);
  const metadata = 'metadata' in object ? (object.metadata as KubeObject['metadata']) : {};
  return definition.validate?.({ ...parsed, metadata }, undefined) ?? [];
}

/** Messages of the rules that `value` breaks, evaluated as the server does: each where it stands. */
function brokenRules(schema: StructuralSchema, value: unknown): string[] {
  if (value === undefined) return [];
  const broken = (schema.validations ?? []).filter(({ rule }) => !holds(rule, value)).map(({ message }) => message);
  if (Array.isArray(value) && schema.items) {
    for (const item of value) broken.push(...brokenRules(schema.items, item));
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      broken.push(...brokenRules(property, Reflect.get(value, name)));
    }
  }
  return broken;
}

function holds(rule: string, self: unknown): boolean {
  const result = run(rule, { self: self as CelInput });
  if (isCelError(result)) throw result;
  return result === true;
}
