// Base images and what is built on them, with the real mmdebstrap, buildah and registry.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildImage, diffImages, inspectImage } from '@varve/build';
import { type ImageSource, openImageSource, parseImageReference } from '@varve/oci';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildFirewall, buildOsImages, imageCache, type OsImages } from './os-images.ts';
import { run } from './process.ts';

let images: OsImages;
let tree: string;

beforeAll(async () => {
  images = await buildOsImages();
  tree = await mkdtemp(join(tmpdir(), 'varve-firewall-'));
  const storage = ['--root', join(tree, 'storage'), '--runroot', join(tree, 'run')];
  const from = ['from', '--quiet', '--tls-verify=false', '--name=firewall', `docker://${images.firewall.reference}`];
  await run('buildah', ...storage, ...from);
  tree = await run('buildah', ...storage, 'mount', 'firewall');
}, 900_000);

afterAll(async () => {
  const directory = /^.*\/varve-firewall-[^/]+/.exec(tree ?? '')?.[0];
  if (directory !== undefined) {
    await run('buildah', '--root', join(directory, 'storage'), '--runroot', join(directory, 'run'), 'rm', '--all');
    await rm(directory, { recursive: true, force: true });
  }
  await images?.[Symbol.asyncDispose]();
});

async function inspect(reference: string) {
  await using source = await openImage(reference);
  return await inspectImage({ source });
}

function openImage(reference: string): Promise<ImageSource> {
  return openImageSource({ transport: 'registry', reference: parseImageReference(reference) }, () => ({
    insecure: true,
  }));
}

describe('the base image', () => {
  test('can boot and says what it is', async () => {
    const inspection = await inspect(images.base.reference ?? '');
    expect(inspection).toMatchObject({ bootable: true, findings: [], digest: images.base.digest });
    expect(inspection.kernels).toEqual([inspection.labels['ostree.linux']]);
    expect(inspection.labels).toMatchObject({ 'containers.bootc': '1', 'ostree.bootable': 'true' });
    expect(inspection.packages).toBeGreaterThan(100);
    expect(inspection.size).toBeLessThan(200_000_000);
  });
});

describe('the ansible example', () => {
  test('builds to the same digest when nothing changed', async () => {
    expect((await buildFirewall(images.registry, images.base)).digest).toBe(images.firewall.digest);
  });

  test('can boot', async () => {
    expect(await inspect(images.firewall.reference)).toMatchObject({ bootable: true });
  });

  test('holds the rules, and starts them at boot', async () => {
    expect(await readFile(join(tree, 'etc/nftables.conf'), 'utf8')).toContain('tcp dport { 22 } accept');
    const wanted = await run('find', join(tree, 'etc/systemd/system'), '-name', 'nftables.service');
    expect(wanted).toContain('sysinit.target.wants/nftables.service');
  });

  test('holds no file of ansible and no python', async () => {
    const names = ['-iname', '*ansible*', '-o', '-name', 'python3*', '-o', '-name', '*.pyc'];
    expect(await run('find', tree, '(', ...names, ')', '-print')).toBe('');
  });

  test('leaves a consistent package database, and only directories and links in /var', async () => {
    expect(await run('chroot', tree, 'dpkg', '--audit')).toBe('');
    expect(await run('chroot', tree, 'dpkg', '--get-selections', 'nftables')).toMatch(/install$/);
    const extras = await run('find', join(tree, 'var'), '-type', 'f', '-not', '-path', '*/apt/extended_states');
    expect(extras).toBe('');
  });

  test('leaves nothing that buildah put there for its own use', async () => {
    expect(await readFile(join(tree, 'etc/machine-id'), 'utf8')).toBe('');
    expect(await run('readlink', join(tree, 'etc/resolv.conf'))).toBe('../run/systemd/resolve/stub-resolv.conf');
    expect(await run('find', join(tree, 'tmp'), join(tree, 'etc/ssh'), '-mindepth', '1', '-name', '*playbook*')).toBe(
      '',
    );
  });
});

describe('the difference of the two', () => {
  test('is what the example adds, and the layers that hosts fetch', async () => {
    await using before = await openImage(images.base.reference ?? '');
    await using after = await openImage(images.firewall.reference);
    const diff = await diffImages({ before, after });
    expect(diff.packages.filter(({ name }) => name === 'nftables')).toMatchObject([{ change: 'added', from: [] }]);
    expect(diff.packages.filter(({ change }) => change !== 'added')).toEqual([]);
    expect(diff.before.kernels).toEqual(diff.after.kernels);
    expect(diff.files.find(({ path }) => path === '/etc/nftables.conf')).toMatchObject({ package: 'nftables' });
    expect(diff.files.some(({ path }) => path.includes('ansible'))).toBe(false);
    const [had, has] = [await before.getImage(), await after.getImage()].map(({ manifest }) => manifest.layers);
    const added = (has ?? []).slice(had?.length);
    const size = added.map((layer) => layer.size).reduce((sum, bytes) => sum + bytes, 0);
    expect(diff.fetch).toMatchObject({ layers: { bytes: size }, files: { bytes: size }, missingLayers: added.length });
  });

  test('with itself is nothing', async () => {
    await using image = await openImage(images.firewall.reference);
    const diff = await diffImages({ before: image, after: image });
    expect(diff).toMatchObject({
      packages: [],
      files: [],
      labels: [],
      fetch: { missingLayers: 0, layers: { bytes: 0 } },
    });
  });
});

describe('ostree container', () => {
  test('commit empties what a host fills, keeps mounts, and declares directories of /var; nothing else is known', async () => {
    const context = await mkdtemp(join(tmpdir(), 'varve-commit-'));
    const lines = [
      `FROM ${images.base.reference}`,
      'RUN --mount=type=cache,target=/var/cache/apt touch /run/a /tmp/b /var/tmp/.c /var/cache/d \\',
      ' && mkdir -m 0750 /var/lib/thing && ostree container commit \\',
      ' && test ! -e /run/a && test ! -e /tmp/b && test ! -e /var/tmp/.c && test ! -e /var/cache/d \\',
      ' && grep -qx "d /var/lib/thing 0750 0 0 -" /usr/lib/tmpfiles.d/varve-var.conf',
      'RUN ostree container install vim',
    ];
    await writeFile(join(context, 'Containerfile'), lines.join('\n'));
    const build = buildImage({
      containerfile: join(context, 'Containerfile'),
      context,
      destination: { reference: parseImageReference(`${images.registry.host}/os/commit:latest`), tlsVerify: false },
      tlsVerify: false,
      storageDirectory: join(imageCache, 'images'),
    });
    await expect(build).rejects.toMatchObject({
      message: expect.stringMatching(
        /line 6, step 3\/3[\s\S]*knows only 'ostree container commit', not 'ostree container install'/,
      ),
    });
    await rm(context, { recursive: true });
  });
});
