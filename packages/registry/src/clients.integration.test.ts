// The registry as its users' tools see it: skopeo, buildah and podman, over TLS, with a user name and a password.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseImageReference, RegistryClient, readLayer } from '@varve/oci';
import spawn from 'nano-spawn';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createCertificate, requireUser, TestRegistry } from './test-registry.ts';

let directory: string;
let registry: TestRegistry;
let ca: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-clients-'));
  await mkdir(join(directory, 'certs'));
  const tls = await createCertificate(directory);
  ca = tls.cert;
  await writeFile(join(directory, 'certs', 'ca.crt'), ca);
  registry = await TestRegistry.start({ tls, authorize: requireUser('admin', 'sec:ret') });
  const auth = Buffer.from('admin:sec:ret').toString('base64');
  await writeFile(join(directory, 'auth.json'), JSON.stringify({ auths: { [registry.host]: { auth } } }));
  await writeFile(join(directory, 'policy.json'), JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }));
  await buildImage();
});

afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

const image = 'localhost/made:here';

function storage(): string[] {
  return ['--root', join(directory, 'root'), '--runroot', join(directory, 'runroot'), '--storage-driver', 'vfs'];
}

function certificates(): string[] {
  return ['--cert-dir', join(directory, 'certs')];
}

async function run(
  command: string,
  commandArguments: string[],
  environment: Record<string, string> = {},
): Promise<string> {
  const { stdout } = await spawn(command, commandArguments, {
    env: { REGISTRY_AUTH_FILE: join(directory, 'auth.json'), TMPDIR: directory, ...environment },
    timeout: 120_000,
  });
  return stdout;
}

async function skopeo(command: string, ...rest: string[]): Promise<string> {
  return run('skopeo', ['--policy', join(directory, 'policy.json'), command, ...rest]);
}

/** Two layers: a file in each. */
async function buildImage(): Promise<void> {
  const context = join(directory, 'context');
  await mkdir(context);
  await writeFile(join(context, 'one'), 'first layer\n');
  await writeFile(join(context, 'two'), Buffer.alloc(3_000_000, 'second layer\n'));
  await writeFile(
    join(context, 'Containerfile'),
    'FROM scratch\nCOPY one /etc/one\nCOPY two /usr/share/two\nLABEL made=here\n',
  );
  await run('buildah', [...storage(), 'build', '--isolation', 'chroot', '--layers', '-t', image, context]);
}

async function pulledContent(repository: string): Promise<Record<string, string>> {
  const reference = parseImageReference(repository);
  await using client = new RegistryClient({ ca, credentials: () => ({ username: 'admin', password: 'sec:ret' }) });
  const { manifest, config } = await client.getImage(reference);
  const content: Record<string, string> = {};
  for (const [index, layer] of manifest.layers.entries()) {
    const diffId = config.rootfs.diff_ids[index];
    if (diffId === undefined) throw new Error('a layer without a diff-id');
    for await (const entry of readLayer(await client.openBlob(reference, layer), layer, diffId)) {
      if (entry.type !== 'file') continue;
      const chunks: Uint8Array[] = [];
      for await (const chunk of entry.content) chunks.push(Uint8Array.from(chunk));
      content[entry.path] = Buffer.concat(chunks).toString('utf8').slice(0, 12);
    }
  }
  return content;
}

const expectedContent = { 'etc/one': 'first layer\n', 'usr/share/two': 'second layer' };

describe('buildah', () => {
  test('pushes what our client reads, and pulls it', async () => {
    const name = `${registry.host}/buildah/os:v1`;
    await run('buildah', [...storage(), 'push', ...certificates(), image, `docker://${name}`]);
    expect(await pulledContent(name)).toEqual(expectedContent);
    await run('buildah', [...storage(), 'pull', ...certificates(), name]);
  });
});

describe('podman', () => {
  test.each(['oci', 'v2s2'])('pushes %s, and pulls it by tag and digest', async (format) => {
    const name = `${registry.host}/podman/${format}:v1`;
    const digestFile = join(directory, `digest-${format}`);
    await run('podman', [
      ...storage(),
      'push',
      ...certificates(),
      '--format',
      format,
      '--digestfile',
      digestFile,
      image,
      name,
    ]);
    expect(await pulledContent(name)).toEqual(expectedContent);
    await run('podman', [...storage(), 'pull', '-q', ...certificates(), name]);
    const digest = await readFile(digestFile, 'utf8');
    await run('podman', [...storage(), 'pull', '-q', ...certificates(), `${registry.host}/podman/${format}@${digest}`]);
  });

  test('pushes zstd layers and our client reads them', async () => {
    const name = `${registry.host}/podman/zstd:v1`;
    await run('podman', [...storage(), 'push', ...certificates(), '--compression-format', 'zstd', image, name]);
    expect(await pulledContent(name)).toEqual(expectedContent);
  });

  test('pushes a list of manifests that our client chooses from', async () => {
    const name = `${registry.host}/podman/list:v1`;
    await run('podman', [...storage(), 'manifest', 'create', 'localhost/list:1', `containers-storage:${image}`]);
    await run('podman', [
      ...storage(),
      'manifest',
      'push',
      '--all',
      ...certificates(),
      'localhost/list:1',
      `docker://${name}`,
    ]);
    expect(await pulledContent(name)).toEqual(expectedContent);
  });

  test('is told to log in, and that a password is wrong', async () => {
    const pull = (auth: string): Promise<string> =>
      run('podman', [...storage(), 'pull', '-q', ...certificates(), `${registry.host}/podman/oci:v1`], {
        REGISTRY_AUTH_FILE: auth,
      });
    const wrong = join(directory, 'wrong.json');
    await writeFile(
      wrong,
      JSON.stringify({ auths: { [registry.host]: { auth: Buffer.from('admin:no').toString('base64') } } }),
    );
    await expect(pull(wrong)).rejects.toMatchObject({
      stderr: expect.stringMatching(/unauthorized|authentication required|invalid username/i),
    });
    await writeFile(wrong, '{}');
    await expect(pull(wrong)).rejects.toMatchObject({
      stderr: expect.stringMatching(/unauthorized|authentication required/i),
    });
  });
});

describe('skopeo', () => {
  test('copies in and out, mounting blobs between repositories', async () => {
    const layout = join(directory, 'layout');
    const source = `docker://${registry.host}/skopeo/a:v1`;
    const copy = `docker://${registry.host}/skopeo/deep/er/b:v1`;
    await run('buildah', [...storage(), 'push', image, `oci:${layout}:v1`]);
    await skopeo('copy', '--dest-cert-dir', join(directory, 'certs'), `oci:${layout}:v1`, source);
    await skopeo(
      'copy',
      '--src-cert-dir',
      join(directory, 'certs'),
      '--dest-cert-dir',
      join(directory, 'certs'),
      source,
      copy,
    );
    await skopeo('copy', '--src-cert-dir', join(directory, 'certs'), copy, `dir:${join(directory, 'out')}`);
    expect(await pulledContent(copy.slice('docker://'.length))).toEqual(expectedContent);
  });

  test('inspects, lists tags and deletes', async () => {
    const name = `docker://${registry.host}/skopeo/inspected`;
    await run('buildah', [...storage(), 'push', ...certificates(), image, `${name}:v1`]);
    const inspected: unknown = JSON.parse(await skopeo('inspect', ...certificates(), `${name}:v1`));
    expect(inspected).toMatchObject({ Labels: expect.objectContaining({ made: 'here' }), RepoTags: ['v1'] });
    expect(JSON.parse(await skopeo('list-tags', ...certificates(), name))).toMatchObject({ Tags: ['v1'] });
    await skopeo('delete', ...certificates(), `${name}:v1`);
    await expect(skopeo('inspect', ...certificates(), `${name}:v1`)).rejects.toMatchObject({
      stderr: expect.stringMatching(/manifest unknown/),
    });
  });
});

describe('our client', () => {
  test('does not trust a certificate that nobody vouches for, and says what to give it', async () => {
    await using client = new RegistryClient({ retry: { attempts: 5, firstDelay: 10_000 } });
    const reference = parseImageReference(`${registry.host}/buildah/os:v1`);
    await expect(client.resolve(reference)).rejects.toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
      message: expect.stringMatching(/certificate of 127\.0\.0\.1:\d+ is not trusted.*give the CA/),
    });
  });

  test('is refused without credentials', async () => {
    await using client = new RegistryClient({ ca });
    const reference = parseImageReference(`${registry.host}/buildah/os:v1`);
    await expect(client.getImage(reference)).rejects.toMatchObject({ code: 'REGISTRY_UNAUTHORIZED' });
  });
});
