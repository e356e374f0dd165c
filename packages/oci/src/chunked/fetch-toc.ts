import type { Descriptor } from '../manifest.ts';
import type { OpenRanges } from '../ranges/open-ranges.ts';
import { verifyContent } from '../verify.ts';
import { chunkedLocation } from './annotations.ts';
import { parseToc } from './parse-toc.ts';
import { rangesUnsupported, tocInvalid } from './refusal.ts';
import type { Toc } from './toc.ts';
import { decompressPiece } from './zstd.ts';

/**
 * Fetches the table of contents of a layer for which `chunkedLocation` gives a place, and verifies it against the
 * descriptor, which the caller has from a verified manifest.
 * @throws OciError TOC_INVALID, DIGEST_MISMATCH; RANGES_UNSUPPORTED where the layer must be read as a whole; and what
 * `openRanges` throws
 */
export async function fetchToc(openRanges: OpenRanges, descriptor: Descriptor, signal?: AbortSignal): Promise<Toc> {
  const location = chunkedLocation(descriptor);
  if (location === undefined) {
    throw rangesUnsupported(`layer ${descriptor.digest} has no table of contents`);
  }
  const what = `the table of contents of layer ${descriptor.digest}`;
  const { offset, length, digest, uncompressedLength } = location.toc;
  for await (const { bytes } of openRanges(descriptor, [{ offset, length }], signal)) {
    const compressed = Buffer.concat(await Array.fromAsync(verifyContent(bytes, { digest, size: length }, what)));
    const json = decompressPiece(compressed, uncompressedLength, what);
    return parseToc(json, { layer: descriptor.digest, end: offset });
  }
  throw tocInvalid(`layer ${descriptor.digest} gives no table of contents`);
}
