import { mkdtemp, readFile, rm, stat, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StateDirectory, writeFileAtomically } from './state-directory.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-state-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

describe('StateDirectory', () => {
  it('keeps what it made: authority, certificates, password', async () => {
    const first = await StateDirectory.open(directory);
    const authority = await first.authority();
    const server = await first.serverCredential(authority, ['127.0.0.1', 'localhost']);
    const admin = await first.administratorCredential(authority);
    const password = await first.registryPassword();

    const second = await StateDirectory.open(directory);
    expect(await second.authority()).toEqual(authority);
    expect(await second.serverCredential(authority, ['localhost', '127.0.0.1'])).toEqual(server);
    expect(await second.administratorCredential(authority)).toEqual(admin);
    expect(await second.registryPassword()).toBe(password);
  });

  it('makes a new server certificate for a new host name', async () => {
    const state = await StateDirectory.open(directory);
    const authority = await state.authority();
    const before = await state.serverCredential(authority, ['127.0.0.1']);
    expect(await state.serverCredential(authority, ['127.0.0.1', 'varve.test'])).not.toEqual(before);
  });

  it('keeps keys from everybody else', async () => {
    const state = await StateDirectory.open(directory);
    await state.authority();
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect((await stat(join(directory, 'pki', 'ca.key'))).mode & 0o777).toBe(0o600);
  });

  it('does not replace an authority whose key is lost: every host trusts it', async () => {
    const state = await StateDirectory.open(directory);
    await state.authority();
    await unlink(join(directory, 'pki', 'ca.key'));
    await expect(state.authority()).rejects.toMatchObject({ code: 'STATE_UNREADABLE' });
  });
});

describe('writeFileAtomically', () => {
  it('replaces the content and leaves nothing beside it', async () => {
    const path = join(directory, 'file');
    await writeFileAtomically(path, 'old', 0o600);
    await writeFileAtomically(path, 'new', 0o600);
    expect(await readFile(path, 'utf8')).toBe('new');
    await expect(writeFileAtomically(join(directory, 'absent', 'file'), 'x', 0o600)).rejects.toThrow(/ENOENT/);
  });
});
