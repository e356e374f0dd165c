// Contents of managed files behind URLs: fetched while staging and kept by their hash, so that an apply needs no network.
import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ApiError, finishContents, type IgnitionContents, readContents } from '@varve/api';
import { AgentError } from '../error.ts';
import type { Network } from '../network/network.ts';
import { isErrno, listIfThere, writeDurable } from '../state/durable-file.ts';

/** Contents of one managed file, with the field that errors name. */
export interface Source {
  readonly contents: IgnitionContents | undefined;
  readonly field: string;
}

/** Largest download; what it unpacks to is bounded by `finishContents`. */
const maxFetchedBytes = 64 * 1024 * 1024;
const fetchTimeoutMilliseconds = 60_000;

export class SourceCache {
  readonly #directory: string;
  readonly #network: Pick<Network, 'download'>;

  constructor(directory: string, network: Pick<Network, 'download'>) {
    this.#directory = directory;
    this.#network = network;
  }

  /** The bytes of the managed file. Fetches only what is remote and not cached. */
  async read({ contents, field }: Source, signal: AbortSignal): Promise<Uint8Array> {
    const source = readContents(contents);
    if (source.kind === 'inline' || contents === undefined)
      return source.kind === 'inline' ? source.bytes : new Uint8Array();
    const path = join(this.#directory, cacheName(contents));
    const cached = await readIfValid(path, contents);
    if (cached) return cached;
    const raw = await download(
      this.#network,
      source.url,
      field,
      AbortSignal.any([signal, AbortSignal.timeout(fetchTimeoutMilliseconds)]),
    );
    const bytes = finish(raw, source.url, contents, field);
    await writeDurable(path, raw);
    return bytes;
  }

  /** Forgets every source but these. */
  async keepOnly(sources: readonly Source[]): Promise<void> {
    const kept = new Set(sources.map((source) => cacheName(source.contents)));
    for (const name of await listIfThere(this.#directory)) {
      if (!kept.has(name)) await rm(join(this.#directory, name), { force: true });
    }
  }
}

/** By the hash that the config demands, not by the URL: two mirrors of one file are one source. */
function cacheName(contents: IgnitionContents | undefined): string {
  const identity = JSON.stringify([
    contents?.verification?.hash ?? contents?.source ?? '',
    contents?.compression ?? '',
  ]);
  return createHash('sha256').update(identity).digest('hex');
}

async function readIfValid(path: string, contents: IgnitionContents): Promise<Uint8Array | undefined> {
  try {
    return finishContents(await readFile(path), contents);
  } catch (error) {
    if (error instanceof ApiError || isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

async function download(
  network: Pick<Network, 'download'>,
  url: string,
  field: string,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of network.download(url, signal)) {
      size += chunk.length;
      if (size > maxFetchedBytes) throw new Error(`it is larger than ${maxFetchedBytes} bytes`);
      chunks.push(chunk);
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new AgentError('SOURCE_UNAVAILABLE', `${field}: cannot fetch ${redact(url)}: ${reason}; it is tried again`, {
      cause,
    });
  }
  return Buffer.concat(chunks);
}

function finish(raw: Uint8Array, url: string, contents: IgnitionContents, field: string): Uint8Array {
  try {
    return finishContents(raw, contents);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new AgentError(
      'SOURCE_UNAVAILABLE',
      `${field}: ${redact(url)} does not serve what the config says: ${reason}`,
      { cause },
    );
  }
}

/** A URL without its password and query: both carry secrets. */
function redact(text: string): string {
  const url = URL.parse(text);
  return url ? `${url.protocol}//${url.host}${url.pathname}` : 'the URL';
}
