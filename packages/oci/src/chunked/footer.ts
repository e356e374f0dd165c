// The last frame of a zstd:chunked blob tells where the others are: ZstdChunkedLayerFooter in
// https://github.com/containers/storage/blob/main/pkg/chunked/internal/minimal/compression.go
// No reader may trust it (nothing vouches for it), so that there is only a writer.
import type { ChunkedLocation } from './annotations.ts';

const magic = Buffer.from('GNUlInUx');
const manifestType = 1;
const skippableMagic = 0x184d2a50;

/** A frame that decoders skip: https://www.rfc-editor.org/rfc/rfc8878.html#section-3.1.2 */
export function skippableFrameHeader(length: number): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(skippableMagic, 0);
  header.writeUInt32LE(length, 4);
  return header;
}

export function formatFooter({ toc, tarSplit }: Required<ChunkedLocation>): Buffer {
  const fields = [
    ...[toc.offset, toc.length, toc.uncompressedLength, manifestType],
    ...[tarSplit.offset, tarSplit.length, tarSplit.uncompressedLength],
  ];
  const footer = Buffer.alloc(fields.length * 8 + magic.length);
  for (const [index, field] of fields.entries()) footer.writeBigUInt64LE(BigInt(field), index * 8);
  footer.set(magic, fields.length * 8);
  return footer;
}
