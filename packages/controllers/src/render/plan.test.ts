import { type MachineConfig, type MachineConfigPool, type MachineConfigSpec, roleLabel } from '@varve/api';
import { parseDigest } from '@varve/oci';
import { describe, expect, it } from 'vitest';
import { isTargetCurrent, knownDigest, mergeForPool, planRender, selectConfigs, withDigest } from './plan.ts';

const digest = parseDigest(`sha256:${'1'.repeat(64)}`);
const pool: MachineConfigPool = {
  apiVersion: 'machineconfiguration.openshift.io/v1',
  kind: 'MachineConfigPool',
  metadata: { name: 'web', uid: 'p1' },
  spec: { machineConfigSelector: { matchLabels: { [roleLabel]: 'web' } } },
};

function config(name: string, spec: MachineConfigSpec, rest: Partial<MachineConfig['metadata']> = {}): MachineConfig {
  const metadata = { name, labels: { [roleLabel]: 'web' }, ...rest };
  return { apiVersion: pool.apiVersion, kind: 'MachineConfig', metadata, spec };
}

it('selects by label, and never a result', () => {
  const ownerReferences = [{ apiVersion: '', kind: 'MachineConfigPool', name: 'web', uid: 'p1' }];
  const configs = [config('a', {}), config('b', {}, { labels: {} }), config('c', {}, { ownerReferences })];
  expect(selectConfigs(pool, configs).map((item) => item.metadata.name)).toEqual(['a']);
});

it.each<[string, MachineConfigSpec, MachineConfigSpec | undefined, RegExp]>([
  ['a kernel type', { kernelType: 'realtime' }, undefined, /^MachineConfig a: spec\.kernelType: .*Containerfile/],
  [
    'an extension from nowhere',
    { extensions: ['usbguard'] },
    undefined,
    /^MachineConfig a: spec\.extensions: .*baseOS/,
  ],
  ['FIPS on a running host', { fips: true }, {}, /^MachineConfig a: spec\.fips: /],
])('refuses %s with the culprit and its field', (_, spec, current, message) => {
  const before = current && config('rendered', current);
  expect(() => mergeForPool([config('a', spec), config('b', {})], before)).toThrow(
    expect.objectContaining({ code: 'CONFIG_UNRECONCILABLE', message: expect.stringMatching(message) }),
  );
});

describe('image', () => {
  it('is written by digest alone', () => {
    expect(withDigest('registry.example:5000/os/web:1', digest)).toBe(`registry.example:5000/os/web@${digest}`);
    expect(withDigest(`registry.example/os@${digest}`, digest)).toBe(`registry.example/os@${digest}`);
  });

  it('is known once recorded for exactly this reference', () => {
    const status = { resolvedImages: [{ reference: 'r/a:1', digest, resolvedAt: '' }] };
    expect(knownDigest({ ...pool, status }, 'r/a:1')).toBe(digest);
    expect(knownDigest({ ...pool, status }, 'r/a:2')).toBeUndefined();
    expect(
      knownDigest(
        { ...pool, status: { resolvedImages: [{ reference: 'r/a:1', digest: 'x', resolvedAt: '' }] } },
        'r/a:1',
      ),
    ).toBeUndefined();
  });
});

describe('planRender', () => {
  const merged = mergeForPool([config('a', { kernelArguments: ['quiet'] })], undefined);
  const kinds = (from: MachineConfigPool, exists: boolean) =>
    planRender(from, merged, {}, (name) => (exists ? config(name, {}) : undefined)).steps.map((step) => step.kind);

  it('makes the config first and then aims the pool at it', () => {
    expect(kinds(pool, false)).toEqual(['CreateRendered', 'SetConfiguration']);
  });

  it('goes on where it stopped, and does nothing when it is done', () => {
    expect(kinds(pool, true)).toEqual(['SetConfiguration']);
    const { configuration } = planRender(pool, merged, {}, () => undefined);
    const aimed = { ...pool, spec: { ...pool.spec, configuration } };
    expect(kinds(aimed, true)).toEqual([]);
    expect(kinds(aimed, false)).toEqual(['CreateRendered']);
  });

  it('names images by digest only', () => {
    const both = mergeForPool(
      [config('a', { baseOSExtensionsContainerImage: 'r/e:1', osImageURL: 'r/a:1' })],
      undefined,
    );
    const images = { osImageURL: `r/a@${digest}`, baseOSExtensionsContainerImage: `r/e@${digest}` };
    expect(planRender(pool, both, images, () => undefined).rendered.spec).toEqual(images);
  });

  it('names the sources in the order of the merge', () => {
    const both = mergeForPool([config('b', {}), config('a', {})], undefined);
    const { configuration } = planRender(pool, both, {}, () => undefined);
    expect(configuration.source?.map((source) => source.name)).toEqual(['a', 'b']);
  });
});

describe('isTargetCurrent', () => {
  const images = { osImageURL: 'r/a:1', baseOSExtensionsContainerImage: 'r/e:1' };
  const resolvedImages = ['r/a:1', 'r/e:1'].map((reference) => ({ reference, digest, resolvedAt: '' }));
  const targetOf = (configs: MachineConfig[]) => {
    const merged = mergeForPool(configs, undefined);
    const { osImageURL, baseOSExtensionsContainerImage } = merged.spec;
    const byDigest = {
      ...(osImageURL ? { osImageURL: withDigest(osImageURL, digest) } : {}),
      ...(baseOSExtensionsContainerImage
        ? { baseOSExtensionsContainerImage: withDigest(baseOSExtensionsContainerImage, digest) }
        : {}),
    };
    const spec = { ...pool.spec, ...planRender(pool, merged, byDigest, () => undefined) };
    return { ...pool, spec, status: { resolvedImages } };
  };

  it('is so until a MachineConfig changes', () => {
    const configs = [config('a', images), config('b', { kernelArguments: ['quiet'] })];
    expect(isTargetCurrent(targetOf(configs), configs, [])).toBe(true);
    expect(isTargetCurrent(targetOf(configs), [config('a', images)], [])).toBe(false);
    for (const field of ['osImageURL', 'baseOSExtensionsContainerImage']) {
      expect(isTargetCurrent(targetOf(configs), [config('a', { ...images, [field]: 'r/b:2' })], [])).toBe(false);
    }
  });

  it('is not so while the MachineConfigs do not fit together', () => {
    const configs = [config('a', { fips: true })];
    const clash = [config('a', { kernelType: 'realtime' }), config('b', { kernelType: '64k-pages' })];
    expect(isTargetCurrent(targetOf([config('a', {})]), clash, [])).toBe(false);
    expect(isTargetCurrent(targetOf([config('a', {})]), configs, [])).toBe(false);
  });
});
