import { OciError } from '../error.ts';

/**
 * Names in archives are bytes; ours must be UTF-8 without NUL, as OSTree's are.
 * @throws OciError LAYER_INVALID
 */
export function decodeName(bytes: Uint8Array, what: 'path' | 'link target' | 'key'): string {
  if (bytes.length === 0)
    throw new OciError('LAYER_INVALID', `an archive entry has an empty ${what}; push the image again`);
  if (bytes.includes(0))
    throw new OciError('LAYER_INVALID', `an archive entry has a ${what} with a NUL byte; push the image again`);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    const shown = JSON.stringify(Buffer.from(bytes.subarray(0, 200)).toString('latin1'));
    throw new OciError(
      'LAYER_INVALID',
      `an archive entry has a ${what} that is not UTF-8: ${shown}; rename it in the image`,
      { cause },
    );
  }
}
