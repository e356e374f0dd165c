// Writes a layer as zstd:chunked: every file is a zstd frame of its own, and behind them, in frames that decoders skip, stand
// a table of contents, the archive's headers (tar-split), and a footer. Any zstd decoder gets the very same archive.
import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { type Digest, digestOf, parseDigest } from '../digest.ts';
import { OciError } from '../error.ts';
import { mediaTypes } from '../media-types.ts';
import type { TarEntry } from '../tar/entry.ts';
import { readTar } from '../tar/read.ts';
import { type ChunkedLocation, chunkedAnnotations } from './annotations.ts';
import { BlobSink, type WriteBytes } from './blob-sink.ts';
import { CompressedText } from './compressed-text.ts';
import { Crc64 } from './crc64.ts';
import { compressStream, compressWhole, type Encoding, wholeSize } from './encoder.ts';
import { formatFooter, skippableFrameHeader } from './footer.ts';
import { parseHeaderDetails } from './header-details.ts';
import { TarSplitLines } from './tar-split.ts';
import { formatTocEntry, type WrittenContent } from './toc-json.ts';

/** Where zstd's own default compresses worse than gzip's best on programs, this does not, at a third of gzip's time. */
const defaultLevel = 9;
/** Headers of one entry, or what stands behind the archive's end; GNU tar fills up to 10 KiB there. */
const maximumHeaders = 16 * 1024 * 1024;
/** Headers of many entries without content are written in frames of this size. */
const frameSize = 1024 * 1024;

export interface WriteChunkedOptions {
  /** Of zstd; 9. */
  level?: number;
  signal?: AbortSignal;
}

export interface ChunkedLayer {
  mediaType: string;
  digest: Digest;
  /** Of the archive. */
  diffId: Digest;
  size: number;
  /** For the layer's descriptor: without them the layer is an ordinary zstd layer. */
  annotations: Record<string, string>;
}

/**
 * Writes the archive as a chunked layer. The same archive gives the same digest (with the same version of zstd). Memory does
 * not depend on the size of files.
 * @throws OciError LAYER_INVALID; LAYER_UNSUPPORTED where other readers would see another archive than ours, or none: a name
 * twice, global headers, sparse files. What was written then is to be thrown away.
 */
export async function writeChunkedLayer(
  tar: AsyncIterable<Uint8Array>,
  write: WriteBytes,
  { level = defaultLevel, signal }: WriteChunkedOptions = {},
): Promise<ChunkedLayer> {
  const hash = createHash('sha256');
  const layer = new LayerWriter(new BlobSink(write), { level });
  try {
    const source = hashed(tar, hash, signal);
    for await (const entry of readTar(source, (bytes) => layer.header(bytes))) await layer.entry(entry);
    const location = await layer.finish();
    return { ...location, mediaType: mediaTypes.ociLayerZstd, diffId: parseDigest(`sha256:${hash.digest('hex')}`) };
  } finally {
    layer.destroy();
  }
}

class LayerWriter {
  readonly #blob: BlobSink;
  readonly #encoding: Encoding;
  readonly #toc: CompressedText;
  readonly #tarSplit: CompressedText;
  readonly #lines = new TarSplitLines();
  readonly #names = new Set<string>();
  /** What is to go into the next frame of headers: with the headers of entries that have no content. */
  #frame: Uint8Array[] = [];
  #frameSize = 0;
  /** Headers of the entry to come, behind the padding of the one before. */
  #headers: Uint8Array[] = [];
  #headersSize = 0;
  #padding = 0;

  constructor(blob: BlobSink, encoding: Encoding) {
    this.#blob = blob;
    this.#encoding = encoding;
    this.#toc = new CompressedText(encoding);
    this.#tarSplit = new CompressedText(encoding);
  }

  header(bytes: Uint8Array): void {
    this.#headersSize += bytes.length;
    if (this.#headersSize > maximumHeaders) {
      throw new OciError(
        'LAYER_UNSUPPORTED',
        `the archive has more than ${maximumHeaders} bytes that belong to no file; keep the layer as it is`,
      );
    }
    this.#headers.push(Uint8Array.from(bytes));
  }

  async entry(entry: TarEntry): Promise<void> {
    this.#checkName(entry.path);
    const isFirst = this.#names.size === 1;
    const headers = await this.#takeHeaders();
    const details = parseHeaderDetails(headers.subarray(this.#padding), entry.path);
    this.#padding = (512 - (entry.size % 512)) % 512;
    let content: WrittenContent | undefined;
    let checksum: Uint8Array | undefined;
    if (entry.size > 0 || this.#frameSize >= frameSize) await this.#endFrame();
    if (entry.size > 0) {
      ({ content, checksum } = await this.#writeContent(entry));
    }
    await this.#tarSplit.write(this.#lines.file(entry.path, entry.size, checksum));
    const prefix = isFirst ? '{"version":1,"entries":[' : ',';
    await this.#toc.write(`${prefix}${formatTocEntry(entry, details, content)}`);
  }

  /** Writes what stands behind the contents. */
  async finish(): Promise<{ digest: Digest; size: number; annotations: Record<string, string> }> {
    if (this.#headersSize === 0 && this.#names.size === 0) {
      throw new OciError('LAYER_INVALID', 'the layer has no bytes; an empty archive has 1024 zeros');
    }
    if (this.#headersSize > 0) await this.#takeHeaders();
    await this.#endFrame();
    const tarSplit = await this.#tarSplit.end();
    const opening = this.#names.size === 0 ? '{"version":1,"entries":[' : '';
    await this.#toc.write(`${opening}],"tarSplitDigest":"${digestOf(tarSplit.compressed)}"}`);
    const toc = await this.#toc.end();
    const location: Required<ChunkedLocation> = {
      toc: { ...(await this.#writeSkippable(toc)), digest: digestOf(toc.compressed) },
      tarSplit: await this.#writeSkippable(tarSplit),
    };
    const footer = formatFooter(location);
    await this.#blob.write(Buffer.concat([skippableFrameHeader(footer.length), footer]));
    return { digest: this.#blob.digest(), size: this.#blob.size, annotations: chunkedAnnotations(location) };
  }

  destroy(): void {
    this.#toc.destroy();
    this.#tarSplit.destroy();
  }

  #checkName(path: string): void {
    const cleaned = posix.normalize(`/${path}`).replace(/\/$/, '');
    if (this.#names.has(cleaned)) {
      throw new OciError(
        'LAYER_UNSUPPORTED',
        `the archive has ${JSON.stringify(path)} twice, which a chunked layer cannot hold; keep the layer as it is`,
      );
    }
    this.#names.add(cleaned);
  }

  async #takeHeaders(): Promise<Uint8Array> {
    const headers = Buffer.concat(this.#headers);
    this.#headers = [];
    this.#headersSize = 0;
    this.#frame.push(headers);
    this.#frameSize += headers.length;
    await this.#tarSplit.write(this.#lines.segment(headers));
    return headers;
  }

  async #endFrame(): Promise<void> {
    if (this.#frameSize === 0) return;
    await this.#blob.write(compressWhole(Buffer.concat(this.#frame), this.#encoding));
    this.#frame = [];
    this.#frameSize = 0;
  }

  async #writeContent(entry: TarEntry): Promise<{ content: WrittenContent; checksum: Uint8Array }> {
    const hash = createHash('sha256');
    const crc = new Crc64();
    async function* checked(): AsyncGenerator<Uint8Array, void, undefined> {
      for await (const chunk of entry.content) {
        hash.update(chunk);
        crc.update(chunk);
        yield chunk;
      }
    }
    const offset = this.#blob.size;
    if (entry.size <= wholeSize) {
      const parts = await Array.fromAsync(checked(), (chunk) => Uint8Array.from(chunk));
      await this.#blob.write(compressWhole(Buffer.concat(parts), this.#encoding));
    } else {
      for await (const bytes of compressStream(checked(), entry.size, this.#encoding)) await this.#blob.write(bytes);
    }
    const digest = parseDigest(`sha256:${hash.digest('hex')}`);
    return { content: { digest, offset, endOffset: this.#blob.size }, checksum: crc.digest() };
  }

  async #writeSkippable({
    compressed,
    uncompressedLength,
  }: {
    compressed: Buffer;
    uncompressedLength: number;
  }): Promise<{ offset: number; length: number; uncompressedLength: number }> {
    await this.#blob.write(skippableFrameHeader(compressed.length));
    const offset = this.#blob.size;
    await this.#blob.write(compressed);
    return { offset, length: compressed.length, uncompressedLength };
  }
}

async function* hashed(
  source: AsyncIterable<Uint8Array>,
  hash: ReturnType<typeof createHash>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of source) {
    signal?.throwIfAborted();
    hash.update(chunk);
    yield chunk;
  }
}
