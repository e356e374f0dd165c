// Turns images of the suite's registry into chunked ones. An image is compressed once; later runs take it from the cache.
import {
  chunkImage,
  digestHex,
  type ImageLocation,
  type ImageReference,
  OciError,
  openImageDestination,
  openImageSource,
  parseImageReference,
} from '@varve/oci';
import spawn from 'nano-spawn';

const insecure = () => ({ insecure: true });

/** Pushes the image with chunked layers to `REPOSITORY-chunked`, and names it by digest. */
export async function chunkInto(
  layout: string,
  reference: ImageReference,
  signal: AbortSignal,
): Promise<ImageReference> {
  if (reference.digest === undefined) throw new Error('the image is not named by digest');
  const cached: ImageLocation = { transport: 'oci', path: layout, name: digestHex(reference.digest) };
  const digest = (await digestAt(cached, signal)) ?? (await writeChunked(reference, cached, signal));
  const repository = `${reference.registry}/${reference.repository}-chunked`;
  const flags = ['--quiet', '--preserve-digests', '--dest-tls-verify=false'];
  await spawn('skopeo', ['copy', ...flags, `oci:${layout}:${cached.name}`, `docker://${repository}:1`], { signal });
  return parseImageReference(`${repository}@${digest}`);
}

async function writeChunked(reference: ImageReference, to: ImageLocation, signal: AbortSignal): Promise<string> {
  await using source = await openImageSource({ transport: 'registry', reference }, insecure, signal);
  await using destination = await openImageDestination(to, insecure);
  return (await chunkImage({ source, destination, signal })).digest;
}

/** Undefined where the layout has no such image. */
async function digestAt(location: ImageLocation, signal: AbortSignal): Promise<string | undefined> {
  try {
    await using source = await openImageSource(location, insecure, signal);
    return (await source.getImage({ signal })).manifestDigest;
  } catch (error) {
    if (error instanceof OciError) return undefined;
    throw error;
  }
}
