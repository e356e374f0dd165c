// Somebody has taken over the network side of a host with a signature policy, and brings what they like of an image's
// signatures: no other image gets a bootable deployment, nor is one byte of its layers asked for.
import type { MachineConfigSpec } from '@varve/api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dataUrl } from '../fixtures/host.ts';
import type { Attack } from '../fixtures/intruder.ts';
import { bootableContent, FixtureRegistry } from '../fixtures/registry.ts';
import { Signer } from '../fixtures/signer.ts';
import { SplitHost } from '../fixtures/split-host.ts';
import type { SignedTarget } from './verify.ts';

const signer = new Signer();
const intruder = new Signer();
let registry: FixtureRegistry;
let split: SplitHost;
let base: string;
/** Accepted. */
let good: string;
/** Wanted by a signed target, and without a signature. */
let evil: string;
/** From before there was a policy. */
let old: SignedTarget;

function specOf(osImageURL: string, policy: string | undefined): MachineConfigSpec {
  const path = '/etc/containers/policy.json';
  const files = policy === undefined ? [] : [{ path, contents: { source: dataUrl(policy) } }];
  return { osImageURL, config: { ignition: { version: '3.4.0' }, storage: { files } } };
}

const policy = () => signer.policyFor(registry.host);

beforeAll(async () => {
  registry = await FixtureRegistry.start();
  base = registry.add(bootableContent('1'));
  good = registry.add(bootableContent('2'));
  evil = registry.add(bootableContent('evil'));
  registry.attach(good, signer.sign(good));
  split = await SplitHost.create(base);
  await split.desire('old', 'Staged', specOf(evil, undefined));
  old = await split.host.lastDesired();
  // It is taken, as by a host that has begun to stage it.
  await split.attack([{ kind: 'call', verb: 'admit', params: { target: old } }]);
  await split.desire('present', 'Applied', specOf(good, policy()));
  await split.converge('present');
  await split.settle();
});
afterAll(async () => {
  await split?.[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

const attachments = (...list: readonly object[]) => JSON.stringify({ attachments: list, bundles: [] });
const base64 = (text: string | Uint8Array) => Buffer.from(text).toString('base64');

/** As registries have them: payload and signature, both base64. */
function attachment(by: Signer, image: string): object {
  const { payload, signature } = by.sign(image);
  return { payload: base64(payload), signature };
}

/** Brings the image's documents as they are, these signatures, and lies for whatever else is asked for. */
function lending(verb: string, target: SignedTarget, signatures: string): Attack {
  const digest = evil.split('@')[1] ?? '';
  const manifest = registry.read(digest);
  const config = /"config":\{[^}]*"(sha256:[0-9a-f]{64})"/.exec(manifest.toString('utf8'))?.[1] ?? '';
  const lends = {
    signatures: base64(signatures),
    [digest]: base64(manifest),
    [config]: base64(registry.read(config)),
  };
  return { kind: 'call', verb, params: { target }, lend: 'lies', lends };
}

test('what the intruder says are signatures does not make an image accepted', async () => {
  const target = split.host.sign({ config: 'evil', phase: 'Applied' }, specOf(evil, policy()));
  const otherPolicy = { ...target, spec: specOf(evil, intruder.policyFor(registry.host)) };
  const withoutPolicy = { ...target, spec: specOf(evil, undefined) };
  const moved = attachment(signer, good);
  const cases: [name: string, attack: Attack, code: string][] = [
    ['none', lending('stage', target, attachments()), 'SIGNATURE_REJECTED'],
    ['those of another image', lending('stage', target, attachments(moved)), 'SIGNATURE_REJECTED'],
    ['their own', lending('stage', target, attachments(attachment(intruder, evil))), 'SIGNATURE_REJECTED'],
    [
      'the payload of theirs with a good signature',
      lending('stage', target, attachments({ ...moved, payload: base64(intruder.sign(evil).payload) })),
      'SIGNATURE_REJECTED',
    ],
    ['no JSON', lending('stage', target, 'lies'), 'HELPER_REFUSED'],
    ['more than there can be', lending('stage', target, attachments(...Array(100).fill(moved))), 'HELPER_REFUSED'],
    ['another policy', lending('stage', otherPolicy, attachments(attachment(intruder, evil))), 'TARGET_MISMATCH'],
    ['no policy', lending('stage', withoutPolicy, attachments()), 'TARGET_MISMATCH'],
    ['a target from before the policy', lending('stage', old, attachments()), 'TARGET_REPLAYED'],
    ['and no stage at all', lending('apply', target, attachments()), 'STATE_CORRUPT'],
    ['nor for the old target', lending('apply', old, attachments()), 'TARGET_REPLAYED'],
  ];
  const before = await split.host.status();
  const outcomes = await split.attack(cases.map(([, attack]) => attack));
  expect(cases.map(([name], index) => [name, outcomes[index]?.code])).toEqual(
    cases.map(([name, , code]) => [name, code]),
  );
  const after = await split.host.status();
  expect(after).toEqual(before);
  expect(after.booted.image).toBe(good);
});

test('the network side that is itself stages what is signed', async () => {
  registry.attach(evil, signer.sign(evil));
  await split.desire('mended', 'Applied', specOf(evil, policy()));
  await split.converge('mended');
});
