// https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#listing-referrers
import type { Digest } from '../digest.ts';
import { OciError } from '../error.ts';
import { type Descriptor, isImageIndex, maximumManifestSize, parseManifest } from '../manifest.ts';
import { mediaTypes } from '../media-types.ts';
import type { ImageReference } from '../reference.ts';
import type { Requester } from './requester.ts';
import { type Answer, discard, headerText, readBody } from './transport.ts';

/** Who has more referrers than fit has them for another reason than to be read here. */
const maximumPages = 16;
/** What registries answer that do not know the request. */
const unknownStatuses = [404, 405, 501];

/**
 * Manifests that have `digest` as their subject. Undefined where the registry does not have this API; then the tag
 * `sha256-HEX` may hold an index of them.
 * @throws OciError REGISTRY_*, IMAGE_MANIFEST_INVALID
 */
export async function listReferrers(
  requester: Requester,
  reference: ImageReference,
  digest: Digest,
  signal: AbortSignal | undefined,
): Promise<Descriptor[] | undefined> {
  const what = `referrers of ${reference.registry}/${reference.repository}@${digest}`;
  const found: Descriptor[] = [];
  let path: string | undefined = `referrers/${digest}`;
  for (let page = 0; path !== undefined; page += 1) {
    if (page === maximumPages) throw new OciError('REGISTRY_PROTOCOL', `there are more than ${page} pages of ${what}`);
    const answer: Answer = await requester.open({
      ...{ reference, method: 'GET', path, what, signal, accepted: unknownStatuses },
      headers: { accept: mediaTypes.ociIndex },
    });
    const type = headerText(answer.headers, 'content-type')?.split(';')[0]?.trim();
    // Some answer everything that they do not know with a page for people.
    if (unknownStatuses.includes(answer.status) || type !== mediaTypes.ociIndex) {
      await discard(answer.body);
      return page === 0 ? undefined : found;
    }
    const document = parseManifest(await readBody(answer.body, maximumManifestSize, what), type);
    if (isImageIndex(document)) found.push(...document.manifests);
    path = nextPage(headerText(answer.headers, 'link'));
  }
  return found;
}

/** https://www.rfc-editor.org/rfc/rfc8288: where the next page is. */
function nextPage(link: string | undefined): string | undefined {
  return /<([^<>]{1,2048})>\s*;\s*rel="?next"?(?:[\s;,]|$)/i.exec(link ?? '')?.[1];
}
