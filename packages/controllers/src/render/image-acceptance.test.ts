import type { MachineConfig, MachineConfigSpec, ResolvedImages } from '@varve/api';
import { OciError } from '@varve/oci';
import { describe, expect, test } from 'vitest';
import { digestOfPolicyText, imagesToCheck, isPolicyOf, policyOfSpec, requireAccepted } from './image-acceptance.ts';

function config(name: string, spec: MachineConfigSpec): MachineConfig {
  return { apiVersion: 'machineconfiguration.openshift.io/v1', kind: 'MachineConfig', metadata: { name }, spec };
}

const signal = new AbortController().signal;
const anything = { type: 'insecureAcceptAnything' };
const text = (keyPath: string) =>
  JSON.stringify({ default: [anything], transports: { docker: { r: [{ type: 'sigstoreSigned', keyPath }] } } });

function specOf(files: Readonly<Record<string, string>>): MachineConfigSpec {
  const list = Object.entries(files).map(([path, content]) => ({
    path,
    contents: { source: `data:,${encodeURIComponent(content)}` },
  }));
  return { config: { ignition: { version: '3.4.0' }, storage: { files: list } } };
}

const withPolicy = (keyPath: string) => specOf({ '/etc/containers/policy.json': text(keyPath) });
const images: ResolvedImages = { osImageURL: 'r/os@sha256:1' };
const extensions = { baseOSExtensionsContainerImage: 'r/ext@sha256:2' };
const none = { before: undefined, isSamePolicy: false, running: [], forced: undefined };

describe('imagesToCheck', () => {
  const spec = withPolicy('/k');
  const os = { field: 'osImageURL', image: 'r/os@sha256:1' };
  const ext = { field: 'baseOSExtensionsContainerImage', image: 'r/ext@sha256:2' };

  test.each<[string, ReturnType<typeof imagesToCheck>, object[]]>([
    ['nothing without a policy', imagesToCheck({ ...none, spec: {}, images }), []],
    ['the image', imagesToCheck({ ...none, spec, images }), [os]],
    [
      'the extensions image where packages are wanted',
      imagesToCheck({ ...none, spec: { ...spec, extensions: ['a'] }, images: { ...images, ...extensions } }),
      [os, ext],
    ],
    ['and not where none are', imagesToCheck({ ...none, spec, images: { ...images, ...extensions } }), [os]],
    [
      'nothing where policy and image are those of the target before',
      imagesToCheck({ ...none, spec, images, before: config('x', { ...spec, ...images }), isSamePolicy: true }),
      [],
    ],
    [
      'the image where the policy is another one',
      imagesToCheck({ ...none, spec, images, before: config('x', { ...withPolicy('/other'), ...images }) }),
      [os],
    ],
    [
      'an extensions image that was named before, and not used',
      imagesToCheck({
        ...none,
        spec: { ...spec, extensions: ['a'] },
        images: { ...images, ...extensions },
        before: config('x', { ...spec, ...images, ...extensions }),
        isSamePolicy: true,
      }),
      [ext],
    ],
    [
      'what hosts run where the config names no image',
      imagesToCheck({ ...none, spec, images: {}, running: ['r/a', 'r/b'] }),
      [
        { field: undefined, image: 'r/a' },
        { field: undefined, image: 'r/b' },
      ],
    ],
    ['nothing that is forced', imagesToCheck({ ...none, spec, images, forced: digestOfPolicyText(text('/k')) }), []],
    ['what another policy is forced for', imagesToCheck({ ...none, spec, images, forced: 'true' }), [os]],
  ])('asks for %s', (_name, asked, expected) => {
    expect(asked).toEqual(expected);
  });
});

test('a policy is another one when a key of it is', async () => {
  const specWith = (key: string) => specOf({ '/etc/containers/policy.json': text('/k'), '/k': key });
  const policy = await policyOfSpec(specWith('key'));
  if (!policy) throw new Error('there is no policy');
  const before = [specWith('key'), specWith('former key'), withPolicy('/k'), withPolicy('/other'), {}];
  const same = [undefined, ...before.map((spec) => config('x', spec))].map((one) => isPolicyOf(policy, one));
  expect(await Promise.all(same)).toEqual([false, true, false, false, false, false]);
  const broken = config('x', specOf({ '/etc/containers/policy.json': '{}' }));
  expect(await isPolicyOf(policy, broken)).toBe(false);
});

describe('requireAccepted', () => {
  const refuse = (code: 'SIGNATURE_REJECTED' | 'SIGNATURE_POLICY_INVALID' | 'REGISTRY_UNREACHABLE') => async () => {
    throw new OciError(code, 'no');
  };

  test('says how to go on although the policy refuses', async () => {
    const policy = await policyOfSpec(specOf({ '/etc/containers/policy.json': text('/k'), '/k': 'key' }));
    if (!policy) throw new Error('there is no policy');
    await expect(requireAccepted('r/os', policy, 'web', refuse('SIGNATURE_REJECTED'), signal)).rejects.toMatchObject({
      code: 'SIGNATURE_REJECTED',
      message: expect.stringContaining(
        `kubectl annotate machineconfigpool web varve.dev/force-image-policy=${policy.digest}`,
      ),
    });
    const away = requireAccepted('r/os', policy, 'web', refuse('REGISTRY_UNREACHABLE'), signal);
    await expect(away).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE', message: 'no' });
  });

  test('leaves to the hosts what needs a key that only they have', async () => {
    const here = await policyOfSpec(specOf({ '/etc/containers/policy.json': text('/k'), '/k': 'key' }));
    const there = await policyOfSpec(withPolicy('/k'));
    expect({ here: here?.isComplete, there: there?.isComplete }).toEqual({ here: true, there: false });
    if (!here || !there) throw new Error('there is no policy');
    await requireAccepted('r/os', there, 'web', refuse('SIGNATURE_POLICY_INVALID'), signal);
    const broken = requireAccepted('r/os', here, 'web', refuse('SIGNATURE_POLICY_INVALID'), signal);
    await expect(broken).rejects.toMatchObject({ code: 'SIGNATURE_POLICY_INVALID' });
  });
});

test('a policy that no host could read is refused before any host gets it', async () => {
  await expect(policyOfSpec(specOf({ '/etc/containers/policy.json': '{}' }))).rejects.toMatchObject({
    code: 'SIGNATURE_POLICY_INVALID',
  });
});
