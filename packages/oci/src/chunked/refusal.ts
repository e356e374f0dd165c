import { OciError } from '../error.ts';

/** A table of contents that is damaged or lies: whoever wrote the manifest wrote it too, so that nothing of the layer is used. */
export function tocInvalid(what: string, cause?: unknown): OciError {
  return new OciError('TOC_INVALID', `${what}; build and push the image again`, { cause });
}

/** Nothing is wrong with the layer, but it can be read only as a whole. */
export function rangesUnsupported(what: string): OciError {
  return new OciError('RANGES_UNSUPPORTED', `${what}; fetch the whole layer instead`);
}
