// Somebody runs their own code as the user of the network side: its socket, its state and its place on the network are
// theirs. Whatever they try, root does nothing that no signed target asks for, and goes on serving.

import { createHash, createPrivateKey } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSigningKeys, digestConfig, rotateSigningKeys, signTarget } from '@varve/api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dataUrl } from '../fixtures/host.ts';
import type { Attack } from '../fixtures/intruder.ts';
import { bootableContent, FixtureRegistry } from '../fixtures/registry.ts';
import { type Outcome, SplitHost } from '../fixtures/split-host.ts';
import { maxMessageBytes } from './frame.ts';
import type { SignedTarget } from './verify.ts';

let registry: FixtureRegistry;
let split: SplitHost;
/** Signed and applied, then replaced by a newer one. */
let old: SignedTarget;
/** What runs. */
let present: SignedTarget;
let oldDeployment: string;

const specOf = (text: string) => ({
  osImageURL: base,
  config: {
    ignition: { version: '3.4.0' },
    storage: { files: [{ path: '/etc/ours', contents: { source: dataUrl(text) } }] },
  },
});
let base = '';

beforeAll(async () => {
  registry = await FixtureRegistry.start();
  base = registry.add(bootableContent('1'));
  split = await SplitHost.create(base);
  const { host } = split;
  await split.desire('old', 'Applied', specOf('old\n'));
  old = await host.lastDesired();
  await split.converge('old');
  oldDeployment = (await host.status()).booted.name;
  await split.desire('present', 'Applied', { ...specOf('present\n'), kernelArguments: ['present'] });
  present = await host.lastDesired();
  await split.converge('present');
  await split.settle();
});
afterAll(async () => {
  await split?.[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

/** A policy by which nothing that anybody changes matters. */
const ignoreAll = [{ path: '/', action: 'Ignore' as const }];
const failure = { config: 'x', image: 'x', code: 'HEALTH_FAILED', message: '', time: '' };

const call = (verb: string, params: unknown, lend?: string): Attack => ({
  ...{ kind: 'call', verb, params },
  ...(lend === undefined ? {} : { lend }),
});

/** Each attack with the code that it must end in. */
async function allRefused(attacks: readonly (readonly [name: string, attack: Attack, code: string])[]): Promise<void> {
  const before = await split.snapshot();
  const outcomes = await split.attack([...attacks.map(([, attack]) => attack), call('status', null)]);
  const alive = outcomes.pop();
  expect(attacks.map(([name], index) => [name, outcomes[index]?.code])).toEqual(
    attacks.map(([name, , code]) => [name, code]),
  );
  expect(bootedConfig(alive)).toBe('present');
  expect(await split.snapshot()).toBe(before);
  expect((await split.host.status()).drift).toEqual([]);
}

function bootedConfig(outcome: Outcome | undefined): unknown {
  return JSON.parse(JSON.stringify(outcome?.value)).booted.applied.config;
}

test('targets that nobody has signed for this host now are refused', async () => {
  const { host } = split;
  const own = createSigningKeys();
  const evilImage = registry.add(bootableContent('evil'));
  const evil = { ...specOf('evil\n'), kernelArguments: ['init=/bin/sh'] };
  const forged = {
    envelope: signTarget(
      {
        ...{ host: 'test', pool: 'test', config: 'evil', configDigest: digestConfig(evil), phase: 'Applied' },
        ...{ sequence: Number.MAX_SAFE_INTEGER, image: evilImage },
      },
      createPrivateKey(own.privateKey),
    ),
    spec: evil,
  };
  const another = host.sign({ host: 'another', config: 'present', phase: 'Applied' }, present.spec);
  const targets: [string, SignedTarget, string][] = [
    ['an older one of this host', old, 'TARGET_REPLAYED'],
    ["another host's", another, 'TARGET_MISMATCH'],
    ['a file that was not signed', { ...present, spec: specOf('evil\n') }, 'TARGET_MISMATCH'],
    ['another image', { ...present, spec: { ...present.spec, osImageURL: evilImage } }, 'TARGET_MISMATCH'],
    ["one by the intruder's own key", forged, 'TARGET_UNSIGNED'],
    ['no envelope', { ...present, envelope: '' }, 'TARGET_UNSIGNED'],
  ];
  const verbs = ['admit', 'stage', 'apply', 'applyLive'];
  await allRefused([
    ...targets.flatMap(([name, target, code]) =>
      verbs.map((verb) => [`${verb}: ${name}`, call(verb, { target }), code] as const),
    ),
    ['repair: older', call('repair', { target: old, paths: ['/etc/ours'] }), 'TARGET_REPLAYED'],
    ['keys of the intruder', call('followKeys', { chain: rotateSigningKeys(own).chain }), 'KEYS_UNTRUSTED'],
  ]);
});

test('no older deployment is booted, and nothing is called good that was not found so', async () => {
  await allRefused([
    ['the old deployment', call('setNextBoot', { deployment: oldDeployment }), 'HELPER_REFUSED'],
    ['the rollback of what is proved', call('rollback', null), 'HELPER_REFUSED'],
    ['one that is not there', call('setNextBoot', { deployment: `${'0'.repeat(64)}.0` }), 'HELPER_REFUSED'],
    ['good without a look', call('markGood', null), 'HELPER_REFUSED'],
  ]);
});

test('arguments are what they should be, and verbs are those of the list', async () => {
  const attacks: [string, Attack][] = [
    ...['../../../etc', '/', 'x'.repeat(100_000), `${'0'.repeat(64)}.0/../x`, '', null, 7, {}].map(
      (deployment): [string, Attack] => ['a path for a deployment', call('setNextBoot', { deployment })],
    ),
    ...['exec', '__proto__', 'constructor', 'toString', '', 'writeFile', 'Status'].map((verb): [string, Attack] => [
      `verb ${verb}`,
      call(verb, { path: '/etc/shadow', command: 'id' }),
    ]),
    ['a relative path', call('repair', { target: present, paths: ['etc/ours'] })],
    ['more than was asked for', call('status', { root: '/' })],
    ['another argument', call('apply', { target: present, force: true })],
    ['a target that is none', call('apply', { target: 'present' })],
    ['a spec that is none', call('stage', { target: { ...present, spec: { config: 'x' } } })],
    ['a health check for a month', call('checkHealth', { remaining: 1e9 })],
    ['what a health check passes over', call('checkHealth', { remaining: 1, drift: ignoreAll })],
    ['how long a health check may take', call('checkHealth', { remaining: 1, checkTimeout: 600_000 })],
    ['a failure without end', call('recordFailure', { config: 'x', message: 'x'.repeat(10_000) })],
    ['a failure of a config without end', call('recordFailure', { ...failure, config: 'x'.repeat(100_000) })],
    ['a chain without end', call('followKeys', { chain: Array.from({ length: 1001 }, () => 'x') })],
  ];
  await allRefused(attacks.map(([name, attack]) => [name, attack, 'HELPER_REFUSED'] as const));
});

test('nothing is done again and again, and the way back is not declared bad', async () => {
  const { booted, rollback } = await split.host.status();
  await allRefused([
    ['a boot into what runs', call('reboot', null), 'HELPER_REFUSED'],
    ['an apply of what runs', call('apply', { target: present }), 'HELPER_REFUSED'],
    ['a live apply of what runs', call('applyLive', { target: present }), 'HELPER_REFUSED'],
    ['a failure of the way back', call('recordFailure', { ...failure, config: 'old', image: base }), 'HELPER_REFUSED'],
    [
      'a failure of what is proved',
      call('recordFailure', { ...failure, config: 'present', image: base }),
      'HELPER_REFUSED',
    ],
    ['a failure to forget', call('forgetFailure', { config: 'old', image: base }), 'HELPER_REFUSED'],
  ]);
  await split.attack([call('collectGarbage', null)]);
  const after = await split.host.status();
  expect([after.booted.name, after.rollback?.name]).toEqual([booted.name, rollback?.name]);
});

test('what differs is not passed over before the host is called good, unless that was signed', async () => {
  const { host } = split;
  const managed = join((await host.status()).booted.root, 'etc/ours');
  const before = await readFile(managed);
  const attempt: Attack = {
    kind: 'calls',
    calls: [
      ['checkHealth', { remaining: 1000, drift: ignoreAll }],
      ['checkHealth', { remaining: 1000 }],
      ['markGood', null],
      ['undoLive', null],
      ['markGood', null],
    ],
  };
  await writeFile(managed, 'by the intruder\n');
  const [refused] = await split.attack([attempt]);
  const unhealthy = [expect.objectContaining({ name: 'content', passed: false })];
  const no = { code: 'HELPER_REFUSED' };
  expect(refused?.value).toEqual([no, unhealthy, no, null, no]);

  const target = host.sign({ config: 'present', phase: 'Applied', drift: ignoreAll }, present.spec);
  const [taken, allowed] = await split.attack([call('admit', { target }), attempt]);
  expect(taken?.value).toBeNull();
  expect(allowed?.value).toEqual([no, [expect.objectContaining({ passed: true })], null, null, no]);
  await writeFile(managed, before);
  present = target;
});

test('no hash is told of what files of root hold: a short secret could be guessed by it', async () => {
  const managed = join((await split.host.status()).booted.root, 'etc/ours');
  const before = await readFile(managed);
  await writeFile(managed, '1234\n');
  const told = JSON.stringify(await split.attack([call('status', null), call('checkDrift', { thorough: true })]));
  expect(told).toContain('/etc/ours');
  for (const content of ['present\n', '1234\n']) expect(told).not.toContain(hashOf(content).slice(0, 8));
  await writeFile(managed, before);
});

function hashOf(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}

test('paths that the config does not manage are not touched by a repair', async () => {
  const before = await split.snapshot();
  const paths = ['/etc/shadow', '/etc/../etc/passwd', '/etc/ours/../shadow', '/proc/sys/kernel/core_pattern', '//'];
  await split.attack(paths.map((path) => call('repair', { target: present, paths: [path] })));
  expect(await split.snapshot()).toBe(before);
});

test('a target that is to be staged only is not applied, and bytes that are lies are not imported', async () => {
  const { host } = split;
  const next = registry.add(bootableContent('2'));
  const staged = host.sign({ config: 'next', phase: 'Staged' }, { ...present.spec, osImageURL: next });
  const before = await host.status();
  const outcomes = await split.attack([
    call('apply', { target: staged }),
    call('stage', { target: staged }, 'lies'),
    call('stage', { target: staged }, ''),
    call('stage', { target: staged }, 'x'.repeat(5 * 1024 * 1024)),
  ]);
  expect(outcomes.map(({ code }) => code)).toEqual([
    'HELPER_REFUSED',
    'DIGEST_MISMATCH',
    'DIGEST_MISMATCH',
    'HELPER_REFUSED',
  ]);
  expect(await host.status()).toEqual(before);
});

test('whoever breaks the protocol is cut off, and the next one is served', async () => {
  const raw = (bytes: Uint8Array): Attack => ({ kind: 'raw', bytes: Buffer.from(bytes).toString('base64') });
  const head = (length: number, kind: number) => {
    const bytes = Buffer.alloc(5);
    bytes.writeUInt32BE(length);
    bytes.writeUInt8(kind, 4);
    return bytes;
  };
  const message = (text: string) => Buffer.concat([head(Buffer.byteLength(text), 0), Buffer.from(text)]);
  const before = await split.snapshot();
  const outcomes = await split.attack([
    raw(Buffer.from('GET / HTTP/1.1\r\n\r\n')),
    raw(head(maxMessageBytes + 1, 0)),
    raw(head(0xffffffff, 1)),
    raw(message('[]')),
    raw(message('{"type":"call","id":1}')),
    raw(message('{"type":"call","id":1e300,"verb":"status","params":null}')),
    raw(message(`${'['.repeat(100_000)}${']'.repeat(100_000)}`)),
    raw(
      Buffer.concat(
        Array.from({ length: 40 }, (_, id) =>
          message(`{"type":"call","id":${id + 1},"verb":"checkDrift","params":{"thorough":true}}`),
        ),
      ),
    ),
    raw(Buffer.alloc(1_000_000, 0xff)),
    { kind: 'connect', count: 50 },
    call('status', null),
  ]);
  const alive = outcomes.pop();
  const connections = outcomes.pop();
  expect(outcomes.map(({ value }) => value)).toEqual(outcomes.map(() => 'closed'));
  expect(connections?.value).toEqual(expect.arrayContaining(Array.from({ length: 49 }, () => 'closed')));
  expect(bootedConfig(alive)).toBe('present');
  expect(await split.snapshot()).toBe(before);
});

test('files of root are out of reach, and the socket for everyone but the agent', async () => {
  const { host, socket } = split;
  const { booted } = await host.status();
  const paths = [host.paths.trust, host.paths.newest, host.paths.staged, join(booted.root, 'etc/ours')];
  const outcomes = await split.attack([
    ...paths.map((path): Attack => ({ kind: 'write', path })),
    { kind: 'write', path: join(host.paths.root, 'new') },
    { kind: 'write', path: join(booted.root, 'etc/new') },
    { kind: 'read', path: join(booted.root, 'etc/varve/applied.json') },
    { kind: 'read', path: host.paths.newest },
  ]);
  expect(outcomes.map(({ code }) => code)).toEqual(outcomes.map(() => 'EACCES'));
  const [stranger] = await split.attack([call('status', null)], 65533);
  expect(stranger?.code).toBe('EACCES');
  expect(socket).toContain('helper.sock');
});
