// varve image verify as a user runs it, against a registry that has one signed and one unsigned image.
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import spawn, { SubprocessError } from 'nano-spawn';
import { afterAll, beforeAll, expect, test } from 'vitest';

const varve = ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, '../main.ts'), 'image', 'verify'];
const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const contents = new Map<string, string>();
let server: Server;
let host: string;
let directory: string;
let digest: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-verify-'));
  server = createServer((request, response) => {
    const found = contents.get(/[^/]+$/.exec(request.url ?? '')?.[0] ?? '');
    const isManifest = request.url?.includes('/manifests/') === true;
    response.setHeader('content-type', isManifest ? manifestType : 'application/octet-stream');
    response.writeHead(found === undefined ? 404 : 200).end(found);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the registry does not listen');
  host = `127.0.0.1:${address.port}`;
  await writeFile(join(directory, 'registries.conf'), `[[registry]]\nlocation = "${host}"\ninsecure = true\n`);
  digest = manifest('signed', describe('application/vnd.oci.image.layer.v1.tar', 'signed'));
  manifest('unsigned', describe('application/vnd.oci.image.layer.v1.tar', 'unsigned'));
  await signImage();
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(directory, { recursive: true });
});

function describe(mediaType: string, content: string, annotations = {}): object {
  const name = `sha256:${createHash('sha256').update(content).digest('hex')}`;
  contents.set(name, content);
  return { mediaType, digest: name, size: content.length, annotations };
}

function manifest(tag: string, layer: object): string {
  const config = describe('application/vnd.oci.image.config.v1+json', '{}');
  const content = JSON.stringify({ schemaVersion: 2, mediaType: manifestType, config, layers: [layer] });
  contents.set(tag, content);
  const name = `sha256:${createHash('sha256').update(content).digest('hex')}`;
  contents.set(name, content);
  return name;
}

async function signImage(): Promise<void> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await writeFile(join(directory, 'key.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
  const critical = {
    identity: { 'docker-reference': `${host}/os:signed` },
    image: { 'docker-manifest-digest': digest },
    type: 'cosign container image signature',
  };
  const payload = JSON.stringify({ critical, optional: null });
  const signature = sign('sha256', Buffer.from(payload), privateKey).toString('base64');
  const annotations = { 'dev.cosignproject.cosign/signature': signature };
  manifest(
    `sha256-${digest.slice('sha256:'.length)}.sig`,
    describe('application/vnd.dev.cosign.simplesigning.v1+json', payload, annotations),
  );
}

async function run(...commandArguments: string[]): Promise<{ code: number | undefined; out: string; err: string }> {
  const env = { CONTAINERS_REGISTRIES_CONF: join(directory, 'registries.conf') };
  try {
    const { stdout, stderr } = await spawn(process.execPath, [...varve, ...commandArguments], { env, timeout: 60_000 });
    return { code: 0, out: stdout, err: stderr };
  } catch (error) {
    if (error instanceof SubprocessError) return { code: error.exitCode, out: error.stdout, err: error.stderr };
    throw error;
  }
}

async function policy(requirement: object): Promise<string> {
  const path = join(directory, 'policy.json');
  await writeFile(
    path,
    JSON.stringify({ default: [{ type: 'reject' }], transports: { docker: { [host]: [requirement] } } }),
  );
  return path;
}

test('a signed image, by its key', async () => {
  const { code, out } = await run(`${host}/os:signed`, '--key', join(directory, 'key.pub'));
  expect(code).toBe(0);
  expect(out).toContain(digest);
  expect(out).toMatch(/^signature {2}attachment by keyData \(key [0-9a-f]{16}\), as .*:signed$/m);
});

test('by a policy, for programs', async () => {
  const keyPath = join(directory, 'key.pub');
  const file = await policy({ type: 'sigstoreSigned', keyPath });
  const { code, out } = await run(`${host}/os:signed`, '--policy', file, '--output', 'json');
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    image: `${host}/os:signed`,
    policy: file,
    scope: host,
    isSigned: true,
    signatures: [{ kind: 'attachment', digest, signer: keyPath }],
  });
});

test('an unsigned image fails, and it is told why', async () => {
  const { code, err } = await run(`${host}/os:unsigned`, '--key', join(directory, 'key.pub'));
  expect(code).toBe(1);
  expect(err).toContain('SIGNATURE_REJECTED');
  expect(err).toContain('has no signature');
});

test('a policy that asks for nothing is told to', async () => {
  const { code, out } = await run(`${host}/os:unsigned`, '--policy', await policy({ type: 'insecureAcceptAnything' }));
  expect(code).toBe(0);
  expect(out).toContain('none, and the policy asks for none');
});

test('a policy that does not exist accepts nothing', async () => {
  const { code, err } = await run(`${host}/os:signed`, '--policy', join(directory, 'no.json'));
  expect(code).toBe(2);
  expect(err).toContain('there is no signature policy');
});
