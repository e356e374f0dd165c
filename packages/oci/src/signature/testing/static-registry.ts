// For tests: a registry of what a test puts into it, on a loopback port.
import { createServer, type Server, type ServerResponse } from 'node:http';
import { type Digest, digestOf } from '../../digest.ts';
import type { Descriptor } from '../../manifest.ts';
import { mediaTypes } from '../../media-types.ts';
import type { ImageSignatures } from '../signatures.ts';
import { base64 } from './sign.ts';

const bundleType = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const emptyConfig = Buffer.from('{}');

interface Document {
  type: string;
  bytes: Buffer;
}

export class StaticRegistry implements AsyncDisposable {
  /** By tag or digest. */
  readonly manifests = new Map<string, Document>();
  readonly blobs = new Map<string, Buffer>();
  /** Digests of blobs for which it answers with an error of its own. */
  readonly failing = new Set<string>();
  /** What the referrers API lists, by digest; undefined: there is no such API. */
  referrers: Map<string, Descriptor[]> | undefined;
  /** Entries on one page of that. */
  pageSize = 100;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<StaticRegistry> {
    const server = createServer();
    const registry = new StaticRegistry(server);
    server.on('request', (request, response) => registry.#answer(new URL(request.url ?? '/', 'http://x'), response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return registry;
  }

  get host(): string {
    const address = this.#server.address();
    if (typeof address !== 'object' || address === null) throw new Error('the registry does not listen');
    return `127.0.0.1:${address.port}`;
  }

  blob(content: Uint8Array | string, mediaType: string, annotations?: Record<string, string>): Descriptor {
    const bytes = Buffer.from(content);
    const digest = digestOf(bytes);
    this.blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length, ...(annotations && { annotations }) };
  }

  manifest(value: object, tag?: string, type: string = mediaTypes.ociManifest): Descriptor {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: type, ...value }));
    const digest = digestOf(bytes);
    for (const key of [digest, ...(tag === undefined ? [] : [tag])]) this.manifests.set(key, { type, bytes });
    return { mediaType: type, digest, size: bytes.length };
  }

  /** An image of one small layer. */
  image(tag: string): Digest {
    const rootfs = { type: 'layers', diff_ids: [digestOf(Buffer.from(tag))] };
    const config = this.blob(JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs }), mediaTypes.ociConfig);
    return this.manifest({ config, layers: [this.blob(tag, mediaTypes.ociLayer)] }, tag).digest;
  }

  /** As cosign 2 and skopeo lay attachments beside an image. */
  attach(image: Digest, { attachments }: ImageSignatures): void {
    const rootfs = { type: 'layers', diff_ids: [] };
    const config = this.blob(JSON.stringify({ architecture: '', os: '', rootfs }), mediaTypes.ociConfig);
    const layers = attachments.map((one) =>
      this.blob(Buffer.from(one.payload, 'base64'), 'application/vnd.dev.cosign.simplesigning.v1+json', {
        'dev.cosignproject.cosign/signature': one.signature,
        ...(one.certificate !== undefined && { 'dev.sigstore.cosign/certificate': one.certificate }),
        ...(one.chain !== undefined && { 'dev.sigstore.cosign/chain': one.chain }),
        ...(one.rekorBundle !== undefined && { 'dev.sigstore.cosign/bundle': one.rekorBundle }),
      }),
    );
    this.manifest({ config, layers }, `sha256-${image.slice('sha256:'.length)}.sig`);
  }

  /** A manifest of a bundle, as cosign 3 pushes it, for a list of referrers. */
  bundleManifest(image: Digest, bundle: string, change: object = {}): Descriptor {
    const subject = { mediaType: mediaTypes.ociManifest, digest: image, size: 5 };
    const config = this.blob(emptyConfig, 'application/vnd.oci.empty.v1+json');
    const layers = [this.blob(bundle, bundleType)];
    return {
      ...this.manifest({ artifactType: bundleType, config, layers, subject, ...change }),
      artifactType: bundleType,
    };
  }

  #answer(url: URL, response: ServerResponse): void {
    const [, kind = '', name = ''] = /^\/v2\/.+\/(manifests|blobs|referrers)\/([^/]+)$/.exec(url.pathname) ?? [];
    if (kind === 'referrers' && this.referrers !== undefined) {
      this.#list(url, name, response);
      return;
    }
    if (this.failing.has(name)) {
      response.writeHead(500).end();
      return;
    }
    const found = kind === 'manifests' ? this.manifests.get(name) : undefined;
    const blob = kind === 'blobs' ? this.blobs.get(name) : undefined;
    const bytes = found?.bytes ?? blob;
    if (bytes === undefined) {
      response.writeHead(url.pathname === '/v2/' ? 200 : 404).end();
      return;
    }
    const type = found?.type ?? 'application/octet-stream';
    const headers = { 'content-type': type, 'content-length': bytes.length, 'docker-content-digest': digestOf(bytes) };
    response.writeHead(200, headers).end(response.req.method === 'HEAD' ? undefined : bytes);
  }

  #list(url: URL, digest: string, response: ServerResponse): void {
    const all = this.referrers?.get(digest) ?? [];
    const from = Number(url.searchParams.get('from') ?? 0);
    const next = from + this.pageSize;
    const manifests = all.slice(from, next);
    response.setHeader('content-type', mediaTypes.ociIndex);
    if (next < all.length) response.setHeader('link', `<${url.pathname}?from=${next}>; rel="next"`);
    response.end(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** A text that is certainly no other's. */
export function distinct(number: number): string {
  return base64(`bundle ${number}`);
}
