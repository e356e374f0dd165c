import { OciError } from '../error.ts';
import type { Descriptor } from '../manifest.ts';
import type { OpenRanges } from '../ranges/open-ranges.ts';
import { verifyContent } from '../verify.ts';
import type { TocEntry } from './toc.ts';
import { decompressContent } from './zstd.ts';

/** A file of a layer. Its content is readable once, only until the next file is asked for, and verified at its end. */
export interface FetchedFile {
  entry: TocEntry;
  content: AsyncIterable<Uint8Array>;
}

/** What is fetched for one file. Frames of one file stand together in a blob. */
interface Wanted {
  entry: TocEntry;
  offset: number;
  length: number;
}

/**
 * Fetches files of a layer, in the order in which they are in the blob. Each content must be read to its end before it is
 * used: size and digest are verified there against the table of contents.
 * @throws OciError RANGES_UNSUPPORTED, SIZE_MISMATCH, DIGEST_MISMATCH, LAYER_INVALID, and what `openRanges` throws
 */
export async function* fetchContents(
  openRanges: OpenRanges,
  descriptor: Descriptor,
  entries: Iterable<TocEntry>,
  signal?: AbortSignal,
): AsyncGenerator<FetchedFile, void, undefined> {
  const wanted: Wanted[] = [];
  for (const entry of entries) {
    const range = rangeOf(entry);
    if (range === undefined) yield { entry, content: noContent() };
    else wanted.push({ entry, ...range });
  }
  wanted.sort((a, b) => a.offset - b.offset);
  let index = 0;
  for await (const opened of openRanges(descriptor, wanted, signal)) {
    const expected = wanted[index];
    index += 1;
    if (expected === undefined || opened.offset !== expected.offset) break;
    yield { entry: expected.entry, content: readContent(expected, opened.bytes, descriptor) };
  }
  if (index !== wanted.length) {
    throw new OciError(
      'REGISTRY_PROTOCOL',
      `layer ${descriptor.digest} came in other pieces than asked for; try again`,
    );
  }
}

function rangeOf({ chunks }: TocEntry): { offset: number; length: number } | undefined {
  const [first] = chunks;
  const last = chunks.at(-1);
  if (first === undefined || last === undefined) return undefined;
  return { offset: first.offset, length: last.offset + last.compressedSize - first.offset };
}

async function* readContent(
  { entry, length }: Wanted,
  bytes: AsyncIterable<Uint8Array>,
  descriptor: Descriptor,
): AsyncGenerator<Uint8Array, void, undefined> {
  const what = `${JSON.stringify(entry.path)} of layer ${descriptor.digest}`;
  const content = decompressContent(bytes, length, entry.size, what);
  if (entry.digest === undefined) throw new TypeError(`${what} has chunks and no digest`);
  yield* verifyContent(content, { digest: entry.digest, size: entry.size }, what);
}

async function* noContent(): AsyncGenerator<Uint8Array, void, undefined> {}
