import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { type Context, collect, collectPair, type GlobalOptions } from '../context.ts';
import { defaultCache } from '../defaults.ts';
import { CliError } from '../error.ts';
import { print } from '../output.ts';
import { addRegistryFlags, type RegistryFlags } from '../registry-flags.ts';
import { addChunk } from './image-chunk-command.ts';
import { addDiff } from './image-diff-command.ts';
import { addImport, addMerge, addPull } from './image-import-command.ts';
import { addVerify } from './image-verify-command.ts';
import { formatInspection } from './inspection.ts';

interface BaseOptions extends RegistryFlags {
  suite?: string;
  push?: string;
  cacheDir: string;
  refresh: boolean;
}

interface BuildOptions extends RegistryFlags {
  file?: string;
  push: string;
  buildArg: Record<string, string>;
  secret?: string[];
  from?: string;
  target?: string;
  cacheDir: string;
  cache: boolean;
}

export function addImage(program: Command, context: Context): void {
  const image = program.command('image').description('make, build, inspect, compare and move OS images');
  addBase(image, context);
  addBuild(image, context);
  addInspect(image, context);
  addDiff(image, context);
  addVerify(image, context);
  addPull(image, context);
  addImport(image, context);
  addMerge(image, context);
  addChunk(image, context);
}

function addBase(image: Command, context: Context): void {
  addRegistryFlags(
    image
      .command('base')
      .description('make a bootable base image from the packages of a distribution')
      .argument('<distribution>', 'debian')
      .option('--suite <release>', "release (default: this machine's)")
      .option('--push <reference>', 'push it there too')
      .option('--cache-dir <directory>', 'where finished base images are kept', defaultCache)
      .option('--refresh', 'make it again, even when the cache has it', false),
  ).action(async (distribution: string, options: BaseOptions, command: Command) => {
    if (distribution !== 'debian') throw new CliError('USAGE', `there is no base for ${distribution}; known: debian`);
    const globals = command.optsWithGlobals<GlobalOptions>();
    const [{ buildDebianBase }, { destinationOf }] = await Promise.all([
      import('@varve/build'),
      import('../registry-access.ts'),
    ]);
    let step = '';
    const base = await buildDebianBase({
      suite: options.suite,
      cacheDirectory: options.cacheDir,
      destination: options.push === undefined ? undefined : destinationOf(options.push, options),
      refresh: options.refresh,
      signal: context.signal,
      onProgress: (progress) => {
        if (progress.step !== step) context.terminal.err(`> ${progress.step}`);
        step = progress.step;
        if (progress.line !== undefined) context.terminal.err(progress.line);
      },
    });
    print(context.terminal, globals.output, base, () => base.reference ?? `oci:${base.layout}@${base.digest}`);
  });
}

function addBuild(image: Command, context: Context): void {
  addRegistryFlags(
    image
      .command('build')
      .description('build an OS image from a Containerfile with buildah, check that it boots, push it by digest')
      .argument('<context>', 'directory that COPY and ADD read')
      .requiredOption('--push <reference>', 'where to push it')
      .option('-f, --file <containerfile>', 'default: Containerfile in the context')
      .option('--build-arg <name=value>', 'ARG of the Containerfile (repeatable)', collectPair, {})
      .option('--secret <id=…,src=…>', 'file for RUN --mount=type=secret (repeatable)', collect)
      .option('--from <image>', 'replaces the image of the first FROM')
      .option('--target <stage>', 'the stage to build')
      .option('--cache-dir <directory>', 'where layers are kept between builds', defaultCache)
      .option('--no-cache', 'build every step again'),
  ).action(async (directory: string, options: BuildOptions, command: Command) => {
    const globals = command.optsWithGlobals<GlobalOptions>();
    const [{ buildImage }, { destinationOf }] = await Promise.all([
      import('@varve/build'),
      import('../registry-access.ts'),
    ]);
    const destination = destinationOf(options.push, options);
    const built = await buildImage({
      ...destination,
      destination,
      containerfile: options.file ?? containerfileIn(directory),
      context: directory,
      buildArguments: options.buildArg,
      secrets: (options.secret ?? []).map(parseSecret),
      from: options.from,
      target: options.target,
      storageDirectory: join(options.cacheDir, 'build'),
      noCache: !options.cache,
      signal: context.signal,
      onLog: (line) => context.terminal.err(line.startsWith('STEP ') ? `> ${line}` : line),
    });
    print(context.terminal, globals.output, built, () => built.reference);
  });
}

function addInspect(image: Command, context: Context): void {
  addRegistryFlags(
    image
      .command('inspect')
      .description('show what an image holds: layers, kernel, release, packages, whether a host can boot it')
      .argument('<image>', 'REFERENCE, or oci:DIRECTORY:NAME as skopeo has it'),
  ).action(async (text: string, options: RegistryFlags, command: Command) => {
    const globals = command.optsWithGlobals<GlobalOptions>();
    const { inspect } = await import('./inspect.ts');
    const inspection = await inspect(text, options, context.signal);
    print(context.terminal, globals.output, inspection, () => formatInspection(inspection));
  });
}

function containerfileIn(directory: string): string {
  for (const name of ['Containerfile', 'Dockerfile']) {
    if (existsSync(join(directory, name))) return join(directory, name);
  }
  throw new CliError('USAGE', `${directory} has no Containerfile; name one with --file`);
}

/** `id=NAME,src=FILE`, as podman build has it. */
function parseSecret(text: string): { id: string; file: string } {
  const fields = new Map(
    text.split(',').map((part): [string, string] => [part.split('=')[0] ?? '', part.split('=').slice(1).join('=')]),
  );
  const id = fields.get('id');
  const file = fields.get('src') ?? fields.get('source');
  if (!id || !file) throw new CliError('USAGE', `--secret is id=NAME,src=FILE; got ${text}`);
  return { id, file };
}
