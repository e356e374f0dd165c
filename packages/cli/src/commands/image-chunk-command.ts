import { type Command, InvalidArgumentError } from 'commander';
import type { Context, GlobalOptions } from '../context.ts';
import { formatBytes, print } from '../output.ts';
import { addRegistryFlags } from '../registry-flags.ts';
import type { ChunkFlags } from './image-chunk.ts';

export function addChunk(image: Command, context: Context): void {
  addRegistryFlags(
    image
      .command('chunk')
      .description('rewrite an image with zstd:chunked layers, of which hosts fetch only the files that they lack')
      .argument('<source>', 'tag or digest, oci:DIRECTORY:NAME, oci-archive:, docker-archive: or dir:')
      .requiredOption('--push <destination>', 'where to write it: a tag in a registry, or oci:DIRECTORY:NAME')
      .option('--level <number>', 'of zstd, 1 to 19 (default: 9)', parseLevel),
  ).action(async (source: string, options: ChunkFlags, command: Command) => {
    const globals = command.optsWithGlobals<GlobalOptions>();
    const { chunk, formatChunked } = await import('./image-chunk.ts');
    let layers = -1;
    const written = await chunk(source, options, context.signal, (progress) => {
      if (progress.layersDone === layers) return;
      layers = progress.layersDone;
      const bytes = `${formatBytes(progress.bytesDone)} of ${formatBytes(progress.bytesTotal)}`;
      context.terminal.err(`> ${layers} of ${progress.layersTotal} layers done, ${bytes}`);
    });
    print(context.terminal, globals.output, written, () => formatChunked(written));
  });
}

function parseLevel(text: string): number {
  const level = Number(text);
  if (Number.isInteger(level) && level >= 1 && level <= 19) return level;
  throw new InvalidArgumentError('write a number from 1 to 19');
}
