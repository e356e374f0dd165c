// The grammar of image references (distribution/reference, regexp.go), enough to tell whether text is one.
// Resolving and normalising are the OCI package's work.

const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const domain = '(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\\[[0-9a-fA-F:]+\\])(?::[0-9]{1,5})?';
/** Of `registry/repository[:tag][@sha256:…]`, as RE2 and JavaScript both read it. */
export const imageReferencePattern = `^(?:${domain}/)?${component}(?:/${component})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$`;

/** True for `registry/repository[:tag][@sha256:…]`; a reference without a registry is allowed, as podman allows it. */
export function isImageReference(text: string): boolean {
  return text.length <= 4096 && new RegExp(imageReferencePattern).test(text);
}
