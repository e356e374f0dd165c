import { expect, test } from 'vitest';
import { parseBootcStatus } from './bootc/status.ts';
import { chooseDriver, decideDriver } from './choose.ts';
import { parseRpmOstreeStatus } from './rpm-ostree/status.ts';
import type { RunTool } from './run-tool.ts';

const checksum = 'a'.repeat(64);
const image = { image: { image: 'q.io/a', transport: 'registry' }, imageDigest: `sha256:${checksum}` };
const ostree = { stateroot: 'default', checksum, deploySerial: 0 };

function bootc(booted: object | null) {
  const host = { apiVersion: 'org.containers.bootc/v1', kind: 'BootcHost', spec: { image: null } };
  const entry = booted && { image, incompatible: false, pinned: false, ostree, ...booted };
  return JSON.stringify({ ...host, status: { staged: null, booted: entry, rollback: null } });
}

function rpmOstree(fields: object) {
  const deployment = { id: 'x', osname: 'os', checksum, serial: 0, booted: true, ...fields };
  return JSON.stringify({ deployments: [deployment] });
}

const ofImage = { 'container-image-reference': 'ostree-unverified-registry:q.io/a' };

test.each([
  ['bootc', bootc({}), rpmOstree(ofImage)],
  ['bootc', bootc({}), undefined],
  ['rpm-ostree', bootc({ incompatible: true }), rpmOstree(ofImage)],
  ['rpm-ostree', bootc(null), rpmOstree(ofImage)],
  ['rpm-ostree', undefined, rpmOstree(ofImage)],
  ['ostree', undefined, rpmOstree({ origin: 'fedora:stable' })],
  ['ostree', bootc({ image: null }), undefined],
  ['ostree', bootc({ ostree: null, composefs: { verity: 'x' } }), undefined],
  ['ostree', undefined, undefined],
])('%s for bootc %j and rpm-ostree %j', (name, bootcSays, rpmOstreeSays) => {
  const decided = decideDriver(
    bootcSays === undefined ? undefined : parseBootcStatus(bootcSays),
    rpmOstreeSays === undefined ? undefined : parseRpmOstreeStatus(rpmOstreeSays),
  );
  expect(decided.name).toBe(name);
});

const { signal } = new AbortController();

function toolsThatSay(answers: Readonly<Record<string, string>>): RunTool {
  return async (file, args) => answers[`${file} ${args[0]}`];
}

test('the tool that is chosen comes with the choice', async () => {
  const run = toolsThatSay({ 'bootc --version': 'bootc 1.16.9', 'bootc status': bootc({}) });
  const { name, tool } = await chooseDriver({ sysroot: '/', run, signal });
  expect([name, tool?.name]).toEqual(['bootc', 'bootc 1.16.9']);
});

test('a tool that is too old is as if it were not there, unless it was asked for', async () => {
  const run = toolsThatSay({ 'bootc --version': 'bootc 0.1.9', 'bootc status': bootc({}) });
  expect((await chooseDriver({ sysroot: '/', run, signal })).name).toBe('ostree');
  const asked = chooseDriver({ sysroot: '/', driver: 'bootc', run, signal });
  await expect(asked).rejects.toMatchObject({ code: 'DRIVER_UNSUITABLE' });
});

test('no tool is asked about a sysroot in a directory', async () => {
  const run: RunTool = () => Promise.reject(new Error('was asked'));
  expect((await chooseDriver({ sysroot: '/srv/host', run, signal })).name).toBe('ostree');
});
