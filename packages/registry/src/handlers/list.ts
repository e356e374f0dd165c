import { type Digest, mediaTypes } from '@varve/oci';
import { type Call, mayPull } from '../call.ts';
import { choosePage, parsePageRequest } from '../page.ts';

export async function listTags(call: Call, repository: string): Promise<void> {
  const request = parsePageRequest(call.query);
  const page = choosePage(await call.storage.manifests.listTags(repository), request);
  linkNext(call, `/v2/${repository}/tags/list`, page.next);
  sendJson(call, 'application/json', { name: repository, tags: page.names });
}

/** The repositories that the request may pull from. Not in the specification; every registry's clients expect it. */
export async function listRepositories(call: Call): Promise<void> {
  const request = parsePageRequest(call.query);
  const visible: string[] = [];
  for (const repository of await call.storage.manifests.listRepositories()) {
    if (await mayPull(call, repository)) visible.push(repository);
  }
  const page = choosePage(visible, request);
  linkNext(call, '/v2/_catalog', page.next);
  sendJson(call, 'application/json', { repositories: page.names });
}

/** https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#listing-referrers */
export async function listReferrers(call: Call, repository: string, subject: Digest): Promise<void> {
  const wanted = call.query.get('artifactType');
  const all = await call.storage.manifests.listReferrers(repository, subject);
  const manifests = wanted === null ? all : all.filter(({ artifactType }) => artifactType === wanted);
  if (wanted !== null) call.reply.header('oci-filters-applied', 'artifactType');
  sendJson(call, mediaTypes.ociIndex, { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests });
}

function linkNext({ reply }: Call, path: string, next: string | undefined): void {
  if (next !== undefined) reply.header('link', `<${path}?${next}>; rel="next"`);
}

function sendJson({ reply }: Call, type: string, value: unknown): void {
  reply.header('content-type', type).send(Buffer.from(JSON.stringify(value)));
}
