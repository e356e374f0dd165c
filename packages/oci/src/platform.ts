import { OciError } from './error.ts';
import type { ImageIndex, Platform } from './manifest.ts';

/** Names of architectures as images have them (Go's GOARCH), by Node's names. */
const architectures: ReadonlyMap<string, string> = new Map([
  ['x64', 'amd64'],
  ['ia32', '386'],
  ['arm64', 'arm64'],
  ['arm', 'arm'],
  ['ppc64', 'ppc64le'],
  ['s390x', 's390x'],
  ['riscv64', 'riscv64'],
  ['loong64', 'loong64'],
]);

/** The platform of this machine; `nodeArchitecture` as in `process.arch`. */
export function hostPlatform(nodeArchitecture: string): Platform {
  return { os: 'linux', architecture: architectures.get(nodeArchitecture) ?? nodeArchitecture };
}

export function formatPlatform({ os, architecture, variant }: Platform): string {
  return variant === undefined ? `${os}/${architecture}` : `${os}/${architecture}/${variant}`;
}

/**
 * The manifest of an index for a platform: of those with its OS and architecture the one with its variant, then one without
 * a variant, then the first.
 * @throws OciError PLATFORM_NOT_FOUND
 */
export function choosePlatform(index: ImageIndex, platform: Platform, what: string): ImageIndex['manifests'][number] {
  const candidates = index.manifests.filter(
    (manifest) => manifest.platform?.os === platform.os && manifest.platform.architecture === platform.architecture,
  );
  const chosen =
    candidates.find((manifest) => manifest.platform?.variant === platform.variant) ??
    candidates.find((manifest) => manifest.platform?.variant === undefined) ??
    candidates[0];
  if (chosen !== undefined) return chosen;
  const offered = index.manifests.flatMap((manifest) =>
    manifest.platform === undefined ? [] : [formatPlatform(manifest.platform)],
  );
  throw new OciError(
    'PLATFORM_NOT_FOUND',
    `${what} has no image for ${formatPlatform(platform)}, only for ${offered.slice(0, 20).join(', ') || 'none'}; build it for that platform`,
  );
}
