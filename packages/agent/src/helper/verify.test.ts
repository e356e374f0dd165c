import { createPrivateKey } from 'node:crypto';
import {
  createSigningKeys,
  digestConfig,
  followKeys,
  type MachineConfigSpec,
  signTarget,
  type TargetStatement,
} from '@varve/api';
import { describe, expect, test } from 'vitest';
import type { Trust } from './trust.ts';
import { newestOf, verifyTarget } from './verify.ts';

const signer = createSigningKeys();
const held = followKeys(signer.chain, undefined);
if (!('keys' in held)) throw new Error(held.problem);
const trust: Trust = { host: 'a', keys: held.keys };
const image = `registry.test/os@sha256:${'a'.repeat(64)}`;
const spec: MachineConfigSpec = { osImageURL: image, kernelArguments: ['quiet'] };
const statement: TargetStatement = {
  ...{ host: 'a', pool: 'web', sequence: 10, config: 'one', configDigest: digestConfig(spec), image },
  phase: 'Applied',
};

function sign(change: Partial<TargetStatement> = {}, privateKey = signer.privateKey): string {
  return signTarget({ ...statement, ...change }, createPrivateKey(privateKey));
}

test('a target that is signed, for this host, and newest', () => {
  const envelope = sign();
  for (const newest of [undefined, newestOf({ ...statement, sequence: 9 }), newestOf(statement)]) {
    expect(verifyTarget({ envelope, spec }, trust, newest)).toMatchObject({ config: 'one', image, spec, envelope });
  }
});

describe('everything else is refused', () => {
  test.each([
    ['TARGET_UNSIGNED', 'another key', { envelope: sign({}, createSigningKeys().privateKey), spec }],
    ['TARGET_UNSIGNED', 'no envelope', { envelope: '', spec }],
    ['TARGET_MISMATCH', 'another host', { envelope: sign({ host: 'b' }), spec }],
    ['TARGET_MISMATCH', 'another spec', { envelope: sign(), spec: { ...spec, kernelArguments: ['init=/bin/sh'] } }],
    [
      'TARGET_MISMATCH',
      'an image by tag',
      {
        envelope: sign({ sequence: 11, image: undefined, configDigest: digestConfig({ osImageURL: 'r/os:1' }) }),
        spec: { osImageURL: 'r/os:1' },
      },
    ],
    ['TARGET_REPLAYED', 'a lower sequence', { envelope: sign({ sequence: 9 }), spec }],
    ['TARGET_REPLAYED', 'another statement of the same sequence', { envelope: sign({ phase: 'Staged' }), spec }],
  ])('%s: %s', (code, _name, target) => {
    expect(() => verifyTarget(target, trust, newestOf(statement))).toThrow(expect.objectContaining({ code }));
  });

  test('on a host that trusts nobody', () => {
    expect(() => verifyTarget({ envelope: sign(), spec }, undefined, undefined)).toThrow(
      expect.objectContaining({ code: 'TARGET_UNSIGNED' }),
    );
  });
});
