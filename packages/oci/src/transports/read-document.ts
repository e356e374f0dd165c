import { OciError } from '../error.ts';
import type { LayoutFiles } from './files.ts';

/** Enough for any index or manifest that a layout has. */
const maximumSize = 4 * 1024 * 1024;

/**
 * A small file of a layout that must be there.
 * @throws OciError IMAGE_LAYOUT_INVALID
 */
export async function readDocument(files: LayoutFiles, path: string, name: string): Promise<Uint8Array> {
  const size = await files.size(path);
  if (size === undefined || size > maximumSize) {
    throw new OciError(
      'IMAGE_LAYOUT_INVALID',
      size === undefined
        ? `${name} has no ${path}: it is not an image of that kind; check the path and the transport before it`
        : `${name} has a ${path} of ${size} bytes, and ${maximumSize} are the most`,
    );
  }
  return Buffer.concat(await Array.fromAsync(files.read(path, { offset: 0, length: size })));
}

/** @throws OciError IMAGE_LAYOUT_INVALID */
export function parseJson(bytes: Uint8Array, path: string, name: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new OciError('IMAGE_LAYOUT_INVALID', `${path} of ${name} is not JSON in UTF-8; write the image again`, {
      cause,
    });
  }
}
