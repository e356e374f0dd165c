// https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#pushing-blobs
import type { Digest } from '@varve/oci';
import { bodyOf, type Call, header, mayPull } from '../call.ts';
import { RegistryError } from '../error.ts';
import { parseContentRange } from '../range.ts';
import { parseContentDigest, parseRepositoryName } from '../route.ts';
import type { Chunk, Upload } from '../storage/upload.ts';

/** Starts an upload, takes a whole blob at once (`digest`), or mounts one from another repository (`mount`, `from`). */
export async function startUpload(call: Call, repository: string): Promise<void> {
  const { storage, query } = call;
  if (await mount(call, repository)) return;
  const digest = query.get('digest');
  if (digest !== null) {
    await uploadWhole(call, repository, parseContentDigest(digest));
    return;
  }
  const upload = await storage.blobs.startUpload(repository);
  describeUpload(call, upload).code(202).send();
}

export async function getUpload(call: Call, repository: string, id: string): Promise<void> {
  const upload = call.storage.blobs.findUpload(repository, id);
  describeUpload(call, upload).code(204).send();
}

export async function appendToUpload(call: Call, repository: string, id: string): Promise<void> {
  const upload = call.storage.blobs.findUpload(repository, id);
  await upload.exclusively(() => call.storage.blobs.append(upload, nextChunk(call, upload)));
  describeUpload(call, upload).code(202).send();
}

export async function finishUpload(call: Call, repository: string, id: string): Promise<void> {
  const upload = call.storage.blobs.findUpload(repository, id);
  const digest = parseContentDigest(call.query.get('digest') ?? '');
  await upload.exclusively(() => call.storage.blobs.finishUpload(upload, digest, nextChunk(call, upload)));
  describeCreated(call, repository, digest);
}

export async function cancelUpload(call: Call, repository: string, id: string): Promise<void> {
  const upload = call.storage.blobs.findUpload(repository, id);
  await upload.exclusively(() => call.storage.blobs.cancelUpload(upload));
  call.reply.code(204).send();
}

async function mount(call: Call, repository: string): Promise<boolean> {
  const from = call.query.get('from');
  const wanted = call.query.get('mount');
  if (from === null || wanted === null) return false;
  const source = parseRepositoryName(from);
  const digest = parseContentDigest(wanted);
  if (!(await mayPull(call, source)) || !(await call.storage.blobs.mount(repository, digest, source))) return false;
  describeCreated(call, repository, digest);
  return true;
}

async function uploadWhole(call: Call, repository: string, digest: Digest): Promise<void> {
  const upload = await call.storage.blobs.startUpload(repository);
  try {
    await upload.exclusively(() => call.storage.blobs.finishUpload(upload, digest, { source: bodyOf(call) }));
  } catch (error) {
    // Nobody knows its id: there is no going on with it.
    await call.storage.blobs.cancelUpload(upload);
    throw error;
  }
  describeCreated(call, repository, digest);
}

/** @throws RegistryError RANGE_INVALID where the piece does not begin where the upload ends */
function nextChunk(call: Call, upload: Upload): Chunk {
  const text = header(call, 'content-range');
  if (text === undefined) return { source: bodyOf(call) };
  const range = parseContentRange(text);
  if (range?.start !== upload.size) {
    throw new RegistryError(
      'RANGE_INVALID',
      `the next piece of upload ${upload.id} begins at byte ${upload.size}; go on from there`,
      {
        headers: uploadHeaders(upload),
      },
    );
  }
  return { source: bodyOf(call), length: range.end - range.start + 1 };
}

function describeUpload({ reply }: Call, upload: Upload): Call['reply'] {
  return reply.headers(uploadHeaders(upload));
}

function uploadHeaders(upload: Upload): Record<string, string> {
  return {
    location: `/v2/${upload.repository}/blobs/uploads/${upload.id}`,
    range: `0-${Math.max(upload.size - 1, 0)}`,
    'docker-upload-uuid': upload.id,
  };
}

function describeCreated({ reply }: Call, repository: string, digest: Digest): void {
  reply
    .code(201)
    .headers({ location: `/v2/${repository}/blobs/${digest}`, 'docker-content-digest': digest })
    .send();
}
