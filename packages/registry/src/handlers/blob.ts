import { randomUUID } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { Digest } from '@varve/oci';
import { type Call, header } from '../call.ts';
import { RegistryError } from '../error.ts';
import { type Multipart, multipartBody, multipartLength } from '../multipart.ts';
import { parseRanges } from '../range.ts';
import { blobUnknown } from '../storage/blobs.ts';

const readSize = 256 * 1024;

export async function getBlob(call: Call, repository: string, digest: Digest): Promise<void> {
  const { storage, reply } = call;
  const { file, size } = await storage.blobs.open(repository, digest);
  const ranges = parseRanges(header(call, 'range'), size);
  if (ranges === 'unsatisfiable') {
    await file.close();
    throw new RegistryError('RANGE_INVALID', `${digest} has ${size} bytes, and the range begins behind them`, {
      headers: { 'content-range': `bytes */${size}` },
    });
  }
  describeBlob(call, digest);
  // A client that stops reading must not hold the file for ever.
  reply.raw.setTimeout(call.idleTimeout, () => reply.raw.destroy());
  const [first = { start: 0, end: size - 1 }, second] = ranges === 'whole' ? [] : ranges;
  if (ranges !== 'whole' && second !== undefined) {
    sendMultipart(call, file, { boundary: randomUUID(), ranges, size });
    return;
  }
  if (ranges !== 'whole') reply.code(206).header('content-range', `bytes ${first.start}-${first.end}/${size}`);
  reply.header('content-length', first.end - first.start + 1);
  if (size === 0) {
    await file.close();
    reply.send('');
    return;
  }
  reply.send(file.createReadStream({ ...first, highWaterMark: readSize }));
}

function sendMultipart({ reply }: Call, file: FileHandle, multipart: Multipart): void {
  reply.code(206).headers({
    'content-type': `multipart/byteranges; boundary=${multipart.boundary}`,
    'content-length': multipartLength(multipart),
  });
  reply.send(Readable.from(multipartBody(file, multipart), { objectMode: false, highWaterMark: readSize }));
}

export async function headBlob(call: Call, repository: string, digest: Digest): Promise<void> {
  const size = await call.storage.blobs.size(repository, digest);
  if (size === undefined) throw blobUnknown(repository, digest);
  describeBlob(call, digest);
  call.reply.header('content-length', size).send();
}

export async function deleteBlob({ storage, reply }: Call, repository: string, digest: Digest): Promise<void> {
  await storage.blobs.delete(repository, digest);
  reply.code(202).send();
}

function describeBlob({ reply }: Call, digest: Digest): void {
  reply.headers({
    'content-type': 'application/octet-stream',
    'docker-content-digest': digest,
    'accept-ranges': 'bytes',
    'cache-control': 'private, max-age=31536000, immutable',
    etag: `"${digest}"`,
  });
}
