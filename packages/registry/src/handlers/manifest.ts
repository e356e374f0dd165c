import { digestOf, isDigest, maximumManifestSize } from '@varve/oci';
import { bodyOf, type Call, header } from '../call.ts';
import { RegistryError } from '../error.ts';

export async function getManifest({ storage, reply }: Call, repository: string, reference: string): Promise<void> {
  const { digest, bytes, document } = await storage.manifests.get(repository, reference);
  reply.headers({
    'content-type': document.mediaType,
    'content-length': bytes.length,
    'docker-content-digest': digest,
    etag: `"${digest}"`,
  });
  reply.send(bytes);
}

export async function putManifest(call: Call, repository: string, reference: string): Promise<void> {
  const bytes = await readManifest(call);
  if (isDigest(reference) && digestOf(bytes) !== reference) {
    throw new RegistryError(
      'DIGEST_INVALID',
      `the manifest is ${digestOf(bytes)} and not ${reference}; push it under its own digest`,
    );
  }
  const tag = isDigest(reference) ? undefined : reference;
  const { digest, document } = await call.storage.manifests.put(repository, bytes, header(call, 'content-type'), tag);
  call.reply.code(201).headers({
    location: `/v2/${repository}/manifests/${digest}`,
    'docker-content-digest': digest,
    ...(document.subject !== undefined && { 'oci-subject': document.subject.digest }),
  });
  call.reply.send();
}

export async function deleteManifest({ storage, reply }: Call, repository: string, reference: string): Promise<void> {
  await storage.manifests.delete(repository, reference);
  reply.code(202).send();
}

async function readManifest(call: Call): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of bodyOf(call)) {
    size += chunk.length;
    if (size > maximumManifestSize) {
      throw new RegistryError('MANIFEST_INVALID', `a manifest may have ${maximumManifestSize} bytes; split the image`, {
        status: 413,
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
