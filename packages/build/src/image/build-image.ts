// Builds an OS image from a Containerfile with buildah, checks that it can boot, and pushes it by digest.

import * as fs from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Digest, formatImageReference, parseDigest } from '@varve/oci';
import { CommandFailure, formatLastLines, isOperationalFailure, runCommand } from '../command.ts';
import { BuildError } from '../error.ts';
import { readDirectoryFacts } from '../lint/directory-facts.ts';
import { type ImageFacts, lintImage } from '../lint/rules.ts';
import { type Destination, pinned, pushFailure, type RegistryAccess } from '../push.ts';
import { requireRoot } from '../root-user.ts';
import { temporaryDirectory } from '../temporary-directory.ts';
import { type Instruction, lineOfStep, parseStages, parseStep, type Step } from './containerfile.ts';
import { readLimitOptions } from './resource-limits.ts';
import { type BuildahStorage, openStorage, type StorageDriver } from './storage.ts';
import { holdStorage, removeLeftContainers } from './storage-lock.ts';

export interface BuildSecret {
  /** The name in `RUN --mount=type=secret,id=…`. */
  readonly id: string;
  /** A file with the secret; it is never part of a layer. */
  readonly file: string;
}

export interface BuildImageOptions extends RegistryAccess {
  /** Path of the Containerfile. */
  readonly containerfile: string;
  /** Directory that COPY and ADD read. */
  readonly context: string;
  readonly destination: Destination;
  /** Replaces the first FROM; Containerfiles that say `ARG BASE` take `buildArguments.BASE` instead. */
  readonly from?: string | undefined;
  readonly target?: string | undefined;
  readonly buildArguments?: Readonly<Record<string, string>> | undefined;
  readonly secrets?: readonly BuildSecret[] | undefined;
  readonly isolation?: 'chroot' | 'oci' | undefined;
  /** Layers stay here between builds. */
  readonly storageDirectory: string;
  readonly storageDriver?: StorageDriver | 'auto' | undefined;
  /** Date of the image and its files in seconds since 1970; 0 by default, so that the same content has the same digest. */
  readonly timestamp?: number | undefined;
  /** Builds every step again. */
  readonly noCache?: boolean | undefined;
  /** Called with every line of the build's output. */
  readonly onLog?: ((line: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface BuiltImage {
  readonly digest: Digest;
  /** `registry/repository@digest`. */
  readonly reference: string;
}

const buildTimeout = 2 * 60 * 60_000;

/** With process and mount namespaces of its own, a build that is ended leaves no RUN going on and nothing mounted. */
const ownNamespaces = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--'];

/**
 * Builds, checks and pushes an image.
 * @throws BuildError BUILD_NEEDS_ROOT, BUILD_TOOL_MISSING, CONTAINERFILE_UNREADABLE, BUILD_FAILED, IMAGE_PUSH_FAILED, and the
 * codes of lint/rules.ts for an image that no host could boot
 */
export async function buildImage(options: BuildImageOptions): Promise<BuiltImage> {
  requireRoot('building an image');
  const stages = parseStages(await readContainerfile(options.containerfile));
  try {
    const storage = await openStorage(options.storageDirectory, options.storageDriver ?? 'auto', options.signal);
    await removeLeftContainers(storage);
    const digest = await buildAndPush(stages, storage, options);
    return { digest, reference: pinned(options.destination.reference, digest) };
  } catch (error) {
    options.signal?.throwIfAborted();
    throw isOperationalFailure(error) ? storageFailure(options.storageDirectory, error) : error;
  }
}

/** What no step of the Containerfile is to blame for: the storage cannot be written or mounted. */
function storageFailure(directory: string, cause: Error): BuildError {
  const lines = cause instanceof CommandFailure ? formatLastLines(cause.lastLines) : '';
  const message = `the build could not use ${directory}: ${cause.message}. Check its free space and that root can mount.${lines}`;
  return new BuildError('BUILD_STORAGE_FAILED', message, { cause });
}

async function buildAndPush(
  stages: readonly Instruction[][],
  storage: BuildahStorage,
  options: BuildImageOptions,
): Promise<Digest> {
  await using _hold = await holdStorage(storage, options.signal);
  await using work = await temporaryDirectory(options.storageDirectory, 'build-');
  const image = await build(stages, storage, work.path, options);
  await lint(image, storage, options.signal);
  return await push(image, storage, join(work.path, 'digest'), options);
}

async function readContainerfile(path: string): Promise<string> {
  try {
    return await fs.readFile(path, 'utf8');
  } catch (cause) {
    throw new BuildError('CONTAINERFILE_UNREADABLE', `${path} cannot be read; name a Containerfile with --file`, {
      cause,
    });
  }
}

/** Runs `buildah build`. Returns the id of the image in the storage. */
async function build(
  stages: readonly Instruction[][],
  storage: BuildahStorage,
  work: string,
  options: BuildImageOptions,
): Promise<string> {
  const idFile = join(work, 'image-id');
  let step: Step | undefined;
  const onLine = (line: string) => {
    step = parseStep(line) ?? step;
    options.onLog?.(line);
  };
  try {
    const command = ['buildah', ...storage.options, ...buildArguments(options, await readLimitOptions(), idFile)];
    await runCommand('unshare', [...ownNamespaces, ...command], {
      signal: options.signal,
      onLine,
      killSignal: 'SIGKILL',
      timeout: buildTimeout,
    });
  } catch (error) {
    if (error instanceof CommandFailure) throw buildFailure(options.containerfile, stages, step, error);
    throw error;
  }
  return (await fs.readFile(idFile, 'utf8')).trim();
}

export function buildArguments(options: BuildImageOptions, limits: readonly string[], idFile: string): string[] {
  const args = [
    'build',
    '--layers',
    '--format=oci',
    // The version of buildah is no part of the image's content.
    '--identity-label=false',
    `--isolation=${options.isolation ?? 'chroot'}`,
    `--timestamp=${options.timestamp ?? 0}`,
    `--iidfile=${idFile}`,
    ...limits,
    `--file=${resolve(options.containerfile)}`,
    ...accessOptions(options),
  ];
  if (options.from !== undefined) args.push(`--from=${options.from}`);
  if (options.target !== undefined) args.push(`--target=${options.target}`);
  if (options.noCache === true) args.push('--no-cache');
  for (const [name, value] of Object.entries(options.buildArguments ?? {})) args.push(`--build-arg=${name}=${value}`);
  for (const secret of options.secrets ?? []) args.push(`--secret=id=${secret.id},src=${secret.file}`);
  return [...args, '--', options.context];
}

function accessOptions(access: RegistryAccess): string[] {
  const options: string[] = [];
  if (access.authFile !== undefined) options.push(`--authfile=${access.authFile}`);
  if (access.certDirectory !== undefined) options.push(`--cert-dir=${access.certDirectory}`);
  if (access.tlsVerify !== undefined) options.push(`--tls-verify=${access.tlsVerify}`);
  return options;
}

/** Names the line and the step, buildah's reason, and the last lines that the step itself wrote. */
export function buildFailure(
  containerfile: string,
  stages: readonly Instruction[][],
  step: Step | undefined,
  failure: CommandFailure,
): BuildError {
  const line = step === undefined ? undefined : lineOfStep(stages, step);
  const place = line === undefined ? containerfile : `${containerfile} line ${line}`;
  const what = step === undefined ? '' : `, step ${step.step}/${step.steps} "${shorten(step.text, 100)}"`;
  const lines = failure.lastLines.flatMap(visibleText);
  const reason = lines.findLast((text) => text.startsWith('Error: '))?.slice('Error: '.length) ?? failure.message;
  const written = lines.filter((text) => !buildahNoise.test(text)).slice(-12);
  const message = `${place}${what} failed: ${reason.replace(/^building at STEP ".*": /s, '')}. Correct that line and build again.${formatLastLines(written)}`;
  return new BuildError('BUILD_FAILED', message, { cause: failure });
}

/** buildah's own lines around a failing step, which say nothing that the message does not. */
const buildahNoise =
  /^(Error: |subprocess exited with status |(\[\d+\/\d+\] )?STEP |--> |Getting image source|Copying (blob|config) |Writing manifest|Storing signatures)/;

/** What a terminal would still show of a line with carriage returns; nothing of an empty line. */
function visibleText(line: string): string[] {
  const text = line.trimEnd().split('\r').at(-1) ?? '';
  return text === '' ? [] : [shorten(text, 300)];
}

function shorten(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

/** Throws the first reason why the image would not boot. */
async function lint(image: string, storage: BuildahStorage, signal?: AbortSignal): Promise<void> {
  const [finding] = lintImage(await readFacts(image, storage, signal));
  if (finding !== undefined) throw new BuildError(finding.code, `the built image ${finding.problem}; ${finding.cure}`);
}

/** Mounts the image for a look. */
async function readFacts(image: string, storage: BuildahStorage, signal?: AbortSignal): Promise<ImageFacts> {
  const run = { signal, timeout: 5 * 60_000 };
  const container = await runCommand('buildah', [...storage.options, 'from', '--pull-never', '--', image], run);
  try {
    const tree = await runCommand('buildah', [...storage.options, 'mount', '--', container], run);
    return await readDirectoryFacts(tree);
  } finally {
    // Also after an abort: the container would hold its layers for ever.
    await runCommand('buildah', [...storage.options, 'rm', '--', container], { timeout: run.timeout });
  }
}

async function push(
  image: string,
  storage: BuildahStorage,
  digestFile: string,
  options: BuildImageOptions,
): Promise<Digest> {
  const target = formatImageReference(options.destination.reference);
  const args = ['push', '--quiet', '--format=oci', `--digestfile=${digestFile}`, ...accessOptions(options.destination)];
  try {
    await runCommand('buildah', [...storage.options, ...args, '--', image, `docker://${target}`], {
      signal: options.signal,
      timeout: 30 * 60_000,
    });
  } catch (error) {
    throw error instanceof CommandFailure ? pushFailure(target, error) : error;
  }
  return parseDigest((await fs.readFile(digestFile, 'utf8')).trim());
}
