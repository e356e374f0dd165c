import { generateKeyPairSync } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { sealEnvelope } from './dsse.ts';
import { digestConfig, nextSequence, openTarget, signTarget, type TargetStatement } from './signed-target.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const statement: TargetStatement = {
  host: 'a',
  pool: 'web',
  sequence: 7,
  config: 'rendered-web-1',
  configDigest: digestConfig({ kernelArguments: ['quiet'] }),
  image: `registry.test/os@sha256:${'a'.repeat(64)}`,
  phase: 'Applied',
  disruption: { files: [] },
};

test('a signed target opens with its key only', () => {
  const signed = signTarget(statement, privateKey);
  expect(openTarget(signed, [publicKey])).toMatchObject({ statement });
  expect(openTarget(signed, [generateKeyPairSync('ed25519').publicKey])).toHaveProperty('problem');
});

test.each([
  ['no host', { ...statement, host: '' }],
  ['an image by tag', { ...statement, image: 'registry.test/os:1' }],
  ['a digest of another kind', { ...statement, configDigest: 'md5:0' }],
  ['a sequence that is no integer', { ...statement, sequence: 1.5 }],
  ['a phase that is none', { ...statement, phase: 'Now' }],
  ['no statement', []],
])('%s is no target, signed or not', (_name, value) => {
  const type = 'application/vnd.varve.target.v1+json';
  const envelope = sealEnvelope(type, Buffer.from(JSON.stringify(value)), privateKey);
  expect(openTarget(envelope, [publicKey])).toEqual({ problem: 'holds no statement of a target' });
});

test('a signed statement of another kind is no target', () => {
  const envelope = sealEnvelope('application/x', Buffer.from(JSON.stringify(statement)), privateKey);
  expect(openTarget(envelope, [publicKey])).toHaveProperty('problem');
});

test('the digest of a config is that of its content, in whatever order', () => {
  const one = { kernelArguments: ['a'], fips: false, config: { b: 1, a: { d: 2, c: 3 } } };
  const same = { config: { a: { c: 3, d: 2 }, b: 1 }, fips: false, kernelArguments: ['a'], extensions: undefined };
  expect(digestConfig(one)).toBe(digestConfig(same));
  expect(digestConfig(one)).not.toBe(digestConfig({ ...one, kernelArguments: ['b'] }));
});

test('the sequence only grows, whatever the clock does', () => {
  fc.assert(
    fc.property(fc.option(fc.nat(), { nil: undefined }), fc.nat(), (previous, clock) => {
      const next = nextSequence(previous, new Date(clock));
      expect(next).toBeGreaterThan(previous ?? -1);
      expect(next).toBeGreaterThanOrEqual(clock);
    }),
  );
});
