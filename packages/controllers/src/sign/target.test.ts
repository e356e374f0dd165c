import { createPublicKey } from 'node:crypto';
import {
  createSigningKeys,
  type MachineConfigNode,
  openTarget,
  rotateSigningKeys,
  type SigningKeys,
  signedTargetAnnotation,
  type TargetStatement,
} from '@varve/api';
import { expect, test } from 'vitest';
import { signerOf, targetContent, withSignedTarget } from './target.ts';

const configDigest = `sha256:${'1'.repeat(64)}`;
const image = `registry.test/os@sha256:${'a'.repeat(64)}`;
const keys = createSigningKeys();

function node(phase: 'Staged' | 'Applied', annotation?: string): MachineConfigNode {
  return {
    apiVersion: '',
    kind: 'MachineConfigNode',
    metadata: {
      name: 'a',
      annotations: { other: 'kept', ...(annotation && { [signedTargetAnnotation]: annotation }) },
    },
    spec: {
      node: { name: 'a' },
      pool: { name: 'web' },
      configVersion: { desired: 'rendered-web-1' },
      configImage: { desiredImage: image },
      update: { phase },
    },
  };
}

function sign(state: MachineConfigNode, signer: SigningKeys, now = new Date(1000)): MachineConfigNode {
  const content = targetContent(state, configDigest, {});
  if (!content) throw new Error('there is nothing to sign');
  return withSignedTarget(state, content, signerOf(signer), now);
}

function opened(state: MachineConfigNode, signer: SigningKeys): TargetStatement {
  const found = openTarget(state.metadata.annotations?.[signedTargetAnnotation] ?? '', [
    createPublicKey(signer.privateKey),
  ]);
  if (!('statement' in found)) throw new Error(found.problem);
  return found.statement;
}

test('a target is signed once, and again when something of it changes', () => {
  const staged = sign(node('Staged'), keys);
  expect(staged.metadata.annotations).toMatchObject({ other: 'kept' });
  expect(opened(staged, keys)).toEqual({
    ...{ host: 'a', pool: 'web', sequence: 1000, config: 'rendered-web-1', configDigest, image, phase: 'Staged' },
  });
  expect(sign(staged, keys, new Date(2000))).toBe(staged);
  const applied = sign({ ...staged, spec: node('Applied').spec }, keys, new Date(500));
  expect(opened(applied, keys)).toMatchObject({ phase: 'Applied', sequence: 1001 });
});

test('a new key signs everything anew, above what the old one said', () => {
  const before = sign(node('Staged'), keys);
  const rotated = rotateSigningKeys(keys);
  const after = sign(before, rotated, new Date(1000));
  expect(opened(after, rotated).sequence).toBe(1001);
});

test('a sequence that nobody trusted has signed counts for nothing', () => {
  const stranger = createSigningKeys();
  const forged = sign(node('Staged'), stranger, new Date(9_000_000));
  expect(opened(sign(forged, keys), keys).sequence).toBe(1000);
});

test('a node without a target or a pool has nothing to sign', () => {
  const { spec } = node('Staged');
  for (const change of [{ configVersion: { desired: '' } }, { pool: { name: '' } }]) {
    expect(targetContent({ ...node('Staged'), spec: { ...spec, ...change } }, configDigest, {})).toBeUndefined();
  }
});
