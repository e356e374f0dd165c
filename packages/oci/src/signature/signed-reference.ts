// References as signatures and policies write them: unlike people's, they get no default tag.
// https://github.com/containers/container-libs/blob/main/image/signature/policy_reference_match.go
import { OciError } from '../error.ts';
import { formatImageReference, type ImageReference, parseImageReference } from '../reference.ts';

export interface SignedReference {
  /** `registry/repository`, written out. */
  name: string;
  /** `:tag`, `@digest`, or both; nothing where only a repository is named. */
  version: string;
}

/** Undefined for what is no reference. */
export function parseSignedReference(text: string): SignedReference | undefined {
  let reference: ImageReference;
  try {
    reference = parseImageReference(text);
  } catch (error) {
    if (error instanceof OciError) return undefined;
    throw error;
  }
  const { name, version } = splitReference(reference);
  return { name, version: version === ':latest' && !text.endsWith(':latest') ? '' : version };
}

/** What a user named. With a digest the tag says nothing any more: podman and skopeo drop it, too. */
export function intendedReference(reference: ImageReference): SignedReference {
  const { tag, ...rest } = reference;
  return splitReference(rest.digest === undefined && tag !== undefined ? { ...rest, tag } : rest);
}

function splitReference(reference: ImageReference): SignedReference {
  const name = `${reference.registry}/${reference.repository}`;
  return { name, version: formatImageReference(reference).slice(name.length) };
}
