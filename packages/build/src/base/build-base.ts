// Makes a bootable base image from Debian packages: mmdebstrap, OSTree's layout, an OCI layout directory, a registry.

import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '@varve/oci';
import { CommandFailure, formatLastLines, isOperationalFailure, runCommand } from '../command.ts';
import { BuildError } from '../error.ts';
import { parseOsRelease } from '../os-release.ts';
import { type Destination, pushLayout } from '../push.ts';
import { requireRoot } from '../root-user.ts';
import { temporaryDirectory } from '../temporary-directory.ts';
import { cacheKey, resolveVersions } from './cache-key.ts';
import { type Machine, readMachine } from './machine.ts';
import { layoutTag, packRoot, readLayoutDigest } from './oci-layout.ts';
import { type BasePlan, mmdebstrapArguments, planBase } from './plan.ts';
import * as root from './root-directory.ts';

export type BaseStep = 'resolve' | 'packages' | 'initramfs' | 'layout' | 'pack' | 'push';

export interface BaseProgress {
  readonly step: BaseStep;
  /** A line that the step's tool wrote. */
  readonly line?: string;
}

export interface DebianBaseOptions {
  /** A release such as `bookworm`; the running system's by default. */
  readonly suite?: string | undefined;
  /** Where finished base images are kept as OCI layouts; made when absent. */
  readonly cacheDirectory: string;
  /** Also pushes the image. */
  readonly destination?: Destination | undefined;
  /** Makes the image again even if the cache has one of the same packages. */
  readonly refresh?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: BaseProgress) => void) | undefined;
}

export interface DebianBase {
  readonly digest: Digest;
  /** `registry/repository@digest` where the image was pushed. */
  readonly reference?: string | undefined;
  /** The OCI layout directory; `oci:LAYOUT:base` in the words of skopeo and buildah. */
  readonly layout: string;
  readonly suite: string;
  /** True when no package was touched. */
  readonly cached: boolean;
}

/**
 * Makes the base image of a Debian release, or finds it in the cache, and pushes it where asked.
 * @throws BuildError BUILD_NEEDS_ROOT, BUILD_TOOL_MISSING, APT_SOURCES_UNUSABLE, BASE_BUILD_FAILED, IMAGE_PUSH_FAILED
 */
export async function buildDebianBase(options: DebianBaseOptions): Promise<DebianBase> {
  requireRoot('making a base image');
  const report = options.onProgress ?? (() => {});
  report({ step: 'resolve' });
  const machine = await readMachine(options.signal);
  const plan = planBase(machine, options.suite ?? machine.suite);
  const versions = await resolveVersions(plan, machine.suite, options.signal);
  const layout = join(options.cacheDirectory, 'base', await cacheKey(plan, versions));
  const cached = options.refresh !== true && (await readLayoutDigest(layout)) !== undefined;
  if (!cached) await makeLayout(plan, machine, layout, options, report);
  const digest = await readLayoutDigest(layout);
  if (digest === undefined) {
    throw new BuildError(
      'BASE_BUILD_FAILED',
      `${layout} went away while it was made; do not remove the cache during a build`,
    );
  }
  if (options.destination !== undefined) report({ step: 'push' });
  const reference =
    options.destination === undefined
      ? undefined
      : await pushLayout(layout, layoutTag, digest, options.destination, options.signal);
  return { digest, reference, layout, suite: plan.suite, cached };
}

async function makeLayout(
  plan: BasePlan,
  machine: Machine,
  layout: string,
  options: DebianBaseOptions,
  report: (progress: BaseProgress) => void,
): Promise<void> {
  try {
    await using work = await temporaryDirectory(options.cacheDirectory, 'base-');
    const tree = join(work.path, 'root');
    const finished = join(work.path, 'layout');
    await installPackages(plan, machine, tree, work.path, options, report);
    const kernel = await finishTree(plan, tree, options, report);
    report({ step: 'pack' });
    await fs.mkdir(finished);
    const created = await root.newestPackageTime(tree);
    const labels = await labelsOf(tree, plan, kernel, created);
    const createdBy = `varve image base ${plan.distribution} --suite ${plan.suite}`;
    const image = { architecture: plan.ociArchitecture, created, labels, createdBy };
    await packRoot(tree, finished, image, options.signal);
    await replaceDirectory(finished, layout);
  } catch (error) {
    options.signal?.throwIfAborted();
    throw isOperationalFailure(error) ? baseFailure(plan, error) : error;
  }
}

async function installPackages(
  plan: BasePlan,
  machine: Machine,
  tree: string,
  work: string,
  options: DebianBaseOptions,
  report: (progress: BaseProgress) => void,
): Promise<void> {
  report({ step: 'packages' });
  const sourcesFile = join(work, 'base.sources');
  await fs.writeFile(sourcesFile, plan.sources);
  await runCommand('mmdebstrap', mmdebstrapArguments(plan, machine.settings, tree, sourcesFile), {
    signal: options.signal,
    // INITRD=No stops dracut's own kernel hook: the initramfs is made once, when the overlay is in place.
    env: { TMPDIR: work, LC_ALL: 'C.UTF-8', INITRD: 'No' },
    onLine: (line) => report({ step: 'packages', line }),
    timeout: 30 * 60_000,
  });
}

/** Everything between the packages and the archive. Returns the kernel's version. */
async function finishTree(
  plan: BasePlan,
  tree: string,
  options: DebianBaseOptions,
  report: (progress: BaseProgress) => void,
): Promise<string> {
  report({ step: 'initramfs' });
  const { signal } = options;
  const initramfsOptions = { signal, onLine: (line: string) => report({ step: 'initramfs', line }) };
  await root.copyOverlay(tree);
  for (const keyring of plan.keyrings) await root.copyKeyring(tree, keyring);
  await fs.rm(join(tree, 'etc/apt/sources.list.d'), { recursive: true, force: true });
  await root.writeFileInRoot(tree, 'etc/apt/sources.list.d/debian.sources', plan.sources);
  await root.writeFileInRoot(tree, 'etc/apt/apt.conf.d/61varve-mirror', plan.imageAptConfiguration);
  await root.divertKernelHooks(tree, { signal });
  await root.applyPreset(tree, { signal });
  const kernel = await root.installKernel(tree, initramfsOptions);
  report({ step: 'layout' });
  await root.layOut(tree);
  await root.clampShadow(tree, await root.newestPackageTime(tree));
  await root.commit(tree, { signal });
  return kernel;
}

async function labelsOf(
  tree: string,
  plan: BasePlan,
  kernel: string,
  created: number,
): Promise<Record<string, string>> {
  const osRelease = parseOsRelease(await fs.readFile(join(tree, 'usr/lib/os-release'), 'utf8'));
  const release = (await fs.readFile(join(tree, 'etc/debian_version'), 'utf8')).trim();
  const date = new Date(created * 1000).toISOString();
  return {
    'containers.bootc': '1',
    'ostree.bootable': 'true',
    'ostree.linux': kernel,
    'org.opencontainers.image.title': `${osRelease.get('NAME') ?? plan.distribution} base for OSTree hosts`,
    'org.opencontainers.image.version': `${release}.${date.slice(0, 10).replaceAll('-', '')}`,
    'org.opencontainers.image.created': date,
  };
}

function baseFailure(plan: BasePlan, cause: Error): BuildError {
  const lines = cause instanceof CommandFailure ? formatLastLines(cause.lastLines) : '';
  return new BuildError(
    'BASE_BUILD_FAILED',
    `the base image of ${plan.suite} was not made: ${cause.message}. Check the mirror in /etc/apt and the free space.${lines}`,
    { cause },
  );
}

/** Puts a finished directory in the place of an old one. Two builds of the same key may meet; the last one stays. */
async function replaceDirectory(finished: string, place: string): Promise<void> {
  await fs.mkdir(join(place, '..'), { recursive: true });
  await fs.rm(place, { recursive: true, force: true });
  await fs.rename(finished, place);
}
