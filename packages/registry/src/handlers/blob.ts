import type { Digest } from '@varve/oci';
import { type Call, header } from '../call.ts';
import { RegistryError } from '../error.ts';
import { parseRange } from '../range.ts';
import { blobUnknown } from '../storage/blobs.ts';

const readSize = 256 * 1024;

export async function getBlob(call: Call, repository: string, digest: Digest): Promise<void> {
  const { storage, reply } = call;
  const { file, size } = await storage.blobs.open(repository, digest);
  const range = parseRange(header(call, 'range'), size);
  if (range === 'unsatisfiable') {
    await file.close();
    throw new RegistryError('RANGE_INVALID', `${digest} has ${size} bytes, and the range begins behind them`, {
      headers: { 'content-range': `bytes */${size}` },
    });
  }
  describeBlob(call, digest);
  const { start, end } = range === 'whole' ? { start: 0, end: size - 1 } : range;
  if (range !== 'whole') reply.code(206).header('content-range', `bytes ${start}-${end}/${size}`);
  reply.header('content-length', end - start + 1);
  if (size === 0) {
    await file.close();
    reply.send('');
    return;
  }
  // A client that stops reading must not hold the file for ever.
  reply.raw.setTimeout(call.idleTimeout, () => reply.raw.destroy());
  reply.send(file.createReadStream({ start, end, highWaterMark: readSize }));
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
