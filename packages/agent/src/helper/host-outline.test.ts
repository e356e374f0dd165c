import { expect, test } from 'vitest';
import { outlineOf } from './host-outline.ts';

const secret = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const applied = {
  ...{ version: 1, deployment: 'd', config: 'one', image: 'i', kernelArguments: [] },
  entries: [
    { kind: 'file', path: '/etc/secret', uid: 0, gid: 0, mode: 0o600, sha256: secret, size: 6 },
    { kind: 'link', path: '/etc/link', uid: 0, gid: 0, target: 'secret' },
  ],
  units: [{ name: 'a.service', state: 'enabled', links: [] }],
  password: { user: 'core', sha256: secret },
  fingerprint: { boot: secret, paths: { '/etc/secret': secret }, units: {}, users: { core: secret } },
};
const deployment = {
  ...{ name: 'd', checksum: 'c', image: 'i', kernelArguments: [], applied, complete: true, root: '/' },
};
const host = {
  ...{ deployments: [deployment], booted: deployment, bootId: 'b', bootedKernelArguments: [], baseKernelArguments: [] },
  ...{ failed: [], bootFellBack: false },
};

test('what can be told of a host tells what is managed, and no hash of any content', () => {
  const outline = outlineOf(host);
  expect(JSON.stringify(outline)).not.toContain(secret.slice(0, 8));
  expect(outline.booted.applied).toEqual({
    ...{ config: 'one', image: 'i', units: applied.units, password: { user: 'core' } },
    entries: [{ kind: 'file', path: '/etc/secret', uid: 0, gid: 0, mode: 0o600, size: 6 }, applied.entries[1]],
  });
});

test('an outline stays what it is', () => {
  const outline = outlineOf(host);
  expect(outlineOf(JSON.parse(JSON.stringify(outline)))).toEqual(outline);
});
