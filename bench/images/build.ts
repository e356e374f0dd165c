// The images that the suite measures: real Debian packages, before and after real security updates. Packages are fetched once;
// later runs take every layer from the cache.
import { join } from 'node:path';
import { type BuiltImage, buildDebianBase, buildImage } from '@varve/build';
import { type ImageReference, parseImageReference } from '@varve/oci';

const cacheDirectory = '/var/cache/varve';
/** Layers of the suite's images. */
export const benchCache = join(cacheDirectory, 'bench');

/** Ten packages of the base that have security updates which are not in the release. */
const updatedPackages = [
  'libarchive13',
  'libexpat1',
  'liblzma5',
  'libpcre2-8-0',
  'libperl5.36',
  'libssl3',
  'openssl',
  'perl',
  'perl-base',
  'perl-modules-5.36',
];

export interface BenchImages {
  /** The base with ten packages in the state of the release. */
  readonly oldBase: ImageReference;
  readonly base: ImageReference;
  /** On `base`: a layer with nodejs and haproxy in the state of the release. */
  readonly oldDerived: ImageReference;
  /** The same with haproxy's security update. */
  readonly derived: ImageReference;
}

/** Builds the images and pushes them to the registry at `host`, which speaks plain HTTP. */
export async function buildBenchImages(
  host: string,
  report: (line: string) => void,
  signal: AbortSignal,
): Promise<BenchImages> {
  report('images: the Debian base');
  const debian = await buildDebianBase({
    cacheDirectory,
    destination: { reference: parseImageReference(`${host}/bench/debian:1`), tlsVerify: false },
    signal,
  });
  const build = async (file: string, name: string, buildArguments: Record<string, string>): Promise<BuiltImage> => {
    report(`images: ${name}`);
    return await buildImage({
      containerfile: join(import.meta.dirname, file),
      context: import.meta.dirname,
      destination: { reference: parseImageReference(`${host}/bench/${name}:1`), tlsVerify: false },
      tlsVerify: false,
      buildArguments,
      storageDirectory: benchCache,
      signal,
    });
  };
  const from = { BASE: debian.reference ?? '' };
  const oldBase = await build('base.Containerfile', 'old-base', { ...from, OLD: updatedPackages.join(' ') });
  const base = await build('base.Containerfile', 'base', from);
  const onBase = { BASE: base.reference };
  const oldDerived = await build('derived.Containerfile', 'old-derived', { ...onBase, RELEASE: `/${debian.suite}` });
  const derived = await build('derived.Containerfile', 'derived', onBase);
  return {
    oldBase: parseImageReference(oldBase.reference),
    base: parseImageReference(base.reference),
    oldDerived: parseImageReference(oldDerived.reference),
    derived: parseImageReference(derived.reference),
  };
}
