// How container layers and images are named in an OSTree repository, so that ostree-ext, bootc and rpm-ostree recognise
// what we import: ostree-ext, lib/src/refescape.rs and lib/src/container/store.rs (LAYER_PREFIX, IMAGE_PREFIX).
import { type Digest, formatImageReference, type ImageReference } from '@varve/oci';
import { OstreeError } from './error.ts';

export const layerRefPrefix = 'ostree/container/blob/';
export const imageRefPrefix = 'ostree/container/image/';

export function layerRef(digest: Digest): string {
  return layerRefPrefix + escapeRef(digest);
}

export function imageRef(reference: ImageReference): string {
  return imageRefPrefix + escapeRef(`docker://${formatImageReference(reference)}`);
}

/**
 * Letters, digits and `-` stay; `_` is doubled; `/` stays after a letter or digit, except at the end; every other
 * character becomes its code point in hexadecimal between underscores.
 * @throws OstreeError REPOSITORY_INVALID for an empty text or one with a NUL character
 */
export function escapeRef(text: string): string {
  if (text === '' || text.includes('\0')) {
    throw new OstreeError('REPOSITORY_INVALID', `${JSON.stringify(text)} cannot be part of the name of a ref`);
  }
  const characters = [...text];
  let escaped = '';
  let afterAlphanumeric = false;
  for (const [index, character] of characters.entries()) {
    const alphanumeric = /^[A-Za-z0-9]$/.test(character);
    const literalSlash = character === '/' && afterAlphanumeric && index < characters.length - 1;
    if (alphanumeric || literalSlash || character === '-') escaped += character;
    else if (character === '_') escaped += '__';
    else escaped += `_${codePoint(character)}_`;
    afterAlphanumeric = alphanumeric;
  }
  return escaped;
}

/** The inverse of `escapeRef`; undefined when the text is not what `escapeRef` writes. */
export function unescapeRef(escaped: string): string | undefined {
  const text = escaped.replaceAll(/__|_([0-9A-F]{2,6})_/g, (_, hex: string | undefined) => {
    if (hex === undefined) return '_';
    const code = Number.parseInt(hex, 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : '\0';
  });
  return text !== '' && !text.includes('\0') && escapeRef(text) === escaped ? text : undefined;
}

function codePoint(character: string): string {
  return (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(2, '0');
}
