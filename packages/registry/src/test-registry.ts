// For the tests of this package: a registry on a loopback port and a temporary directory.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Digest, digestOf, mediaTypes } from '@varve/oci';
import { type FastifyInstance, fastify } from 'fastify';
import spawn from 'nano-spawn';
import * as z from 'zod';
import type { Authorize } from './call.ts';
import { RegistryError } from './error.ts';
import { registryPlugin } from './plugin.ts';
import { RegistryStorage } from './storage/storage.ts';

export interface TestRegistryOptions {
  authorize?: Authorize;
  tls?: { cert: string; key: string };
  /** An existing directory, which is then not removed. */
  directory?: string;
  port?: number;
  idleTimeout?: number;
}

export interface TestRequest {
  body?: string | Uint8Array;
  headers?: Record<string, string>;
}

export class TestRegistry implements AsyncDisposable {
  readonly directory: string;
  readonly storage: RegistryStorage;
  readonly #server: FastifyInstance;
  readonly #ownsDirectory: boolean;
  readonly #sockets = new Set<Socket>();
  #sentBefore = 0;

  private constructor(directory: string, storage: RegistryStorage, server: FastifyInstance, ownsDirectory: boolean) {
    this.directory = directory;
    this.storage = storage;
    this.#server = server;
    this.#ownsDirectory = ownsDirectory;
    server.server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => {
        this.#sockets.delete(socket);
        this.#sentBefore += socket.bytesWritten;
      });
    });
  }

  static async start(options: TestRegistryOptions = {}): Promise<TestRegistry> {
    const { authorize = () => undefined, tls, idleTimeout } = options;
    const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'varve-registry-')));
    const storage = await RegistryStorage.open(directory);
    const server = fastify({ forceCloseConnections: true, ...(tls !== undefined && { https: tls }) });
    await server.register(registryPlugin, { storage, authorize, ...(idleTimeout !== undefined && { idleTimeout }) });
    await server.listen({ host: '127.0.0.1', port: options.port ?? 0 });
    return new TestRegistry(directory, storage, server, options.directory === undefined);
  }

  get port(): number {
    const address = this.#server.addresses()[0];
    if (typeof address !== 'object') throw new Error('the registry does not listen');
    return address.port;
  }

  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Bytes on the wire since the start, headers included. */
  get bytesSent(): number {
    let sent = this.#sentBefore;
    for (const socket of this.#sockets) sent += socket.bytesWritten;
    return sent;
  }

  url(path: string): string {
    return `http://${this.host}/v2/${path}`;
  }

  async call(method: string, path: string, { body, headers = {} }: TestRequest = {}): Promise<Response> {
    const bytes = body === undefined ? {} : { body: Uint8Array.from(Buffer.from(body)) };
    return fetch(this.url(path), { method, headers, ...bytes });
  }

  /** Starts an upload and tells its path. */
  async startUpload(repository: string): Promise<string> {
    const response = await this.call('POST', `${repository}/blobs/uploads/`);
    return (response.headers.get('location') ?? '').replace('/v2/', '');
  }

  /** Names of all files in a folder of the registry's directory. */
  async filesIn(folder: string): Promise<string[]> {
    const entries = await readdir(join(this.directory, folder), { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  }

  async pushBlob(repository: string, bytes: Uint8Array): Promise<Digest> {
    const digest = digestOf(bytes);
    const response = await fetch(this.url(`${repository}/blobs/uploads/?digest=${digest}`), {
      method: 'POST',
      body: bytes.slice(),
    });
    if (response.status !== 201) throw new Error(`pushing a blob gave ${response.status}: ${await response.text()}`);
    return digest;
  }

  /** Pushes an image of empty configuration and the given layers, and tells the manifest's digest. */
  async pushImage(repository: string, tag: string, layers: Uint8Array[]): Promise<Digest> {
    const manifest = await this.imageManifest(repository, layers);
    const response = await fetch(this.url(`${repository}/manifests/${tag}`), {
      method: 'PUT',
      headers: { 'content-type': mediaTypes.ociManifest },
      body: manifest,
    });
    if (response.status !== 201)
      throw new Error(`pushing a manifest gave ${response.status}: ${await response.text()}`);
    return digestOf(Buffer.from(manifest));
  }

  async imageManifest(repository: string, layers: Uint8Array[], extra: Record<string, unknown> = {}): Promise<string> {
    const config = Buffer.from(
      JSON.stringify({
        architecture: 'amd64',
        os: 'linux',
        rootfs: { type: 'layers', diff_ids: layers.map((layer) => digestOf(layer)) },
      }),
    );
    for (const blob of [config, ...layers]) await this.pushBlob(repository, blob);
    return JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: { mediaType: mediaTypes.ociConfig, digest: digestOf(config), size: config.length },
      layers: layers.map((layer) => ({ mediaType: mediaTypes.ociLayer, digest: digestOf(layer), size: layer.length })),
      ...extra,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.close();
    await this.storage.close();
    if (this.#ownsDirectory) await rm(this.directory, { recursive: true, force: true });
  }
}

/** Status and code of an answer that must be an error of the specification's form. */
export async function errorOf(response: Response): Promise<[status: number, code: string | undefined]> {
  const body = errorBody.parse(await response.json());
  return [response.status, body.errors[0]?.code];
}

/** Lets one user do everything. */
export function requireUser(username: string, password: string): Authorize {
  const expected = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  return (request) => {
    if (request.headers.authorization !== expected) {
      throw new RegistryError('UNAUTHORIZED', 'wrong or no credentials; log in');
    }
  };
}

/** A self-signed certificate for 127.0.0.1. */
export async function createCertificate(directory: string): Promise<{ cert: string; key: string }> {
  const [certPath, keyPath] = [join(directory, 'ca.crt'), join(directory, 'server.key')];
  await spawn('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
    ...['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', keyPath, '-out', certPath],
  ]);
  return { cert: await readFile(certPath, 'utf8'), key: await readFile(keyPath, 'utf8') };
}

const errorBody = z.strictObject({
  errors: z.array(z.strictObject({ code: z.string(), message: z.string() })).length(1),
});
