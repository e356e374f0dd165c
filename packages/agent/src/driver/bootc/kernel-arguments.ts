// Kernel arguments that an image brings along in /usr/lib/bootc/kargs.d (bootc docs/src/building/kernel-arguments.md).
import { arch } from 'node:os';
import { parse } from 'smol-toml';
import * as z from 'zod';
import { AgentError } from '../../error.ts';
import { Tree } from '../../tree/tree.ts';

const directory = '/usr/lib/bootc/kargs.d';

const fileSchema = z.strictObject({
  kargs: z.array(z.string()),
  'match-architectures': z.array(z.string()).optional(),
});

/** Names of Rust (https://doc.rust-lang.org/std/env/consts/constant.ARCH.html), as bootc matches them. */
const architectures: Readonly<Record<string, string>> = {
  x64: 'x86_64',
  arm64: 'aarch64',
  arm: 'arm',
  ppc64: 'powerpc64',
  s390x: 's390x',
  riscv64: 'riscv64',
};

/** All files in their order. Throws DRIVER_UNSUITABLE with the file that makes no sense, as bootc refuses such an image. */
export async function readImageKernelArguments(root: string, architecture = arch()): Promise<string[]> {
  const tree = new Tree(root);
  const all: string[] = [];
  for (const name of await tree.list(directory)) {
    if (!name.endsWith('.toml')) continue;
    const text = (await tree.readFile(`${directory}/${name}`))?.toString('utf8') ?? '';
    all.push(...parseKernelArguments(text, `${directory}/${name}`, architecture));
  }
  return all;
}

/** Arguments for this machine, one each. Pure. */
export function parseKernelArguments(text: string, path: string, architecture: string): string[] {
  const file = parseFile(text, path);
  const matching = file['match-architectures'];
  if (matching && !matching.includes(architectures[architecture] ?? architecture)) return [];
  return file.kargs.flatMap((argument) => argument.split(/\s+/).filter((word) => word !== ''));
}

function parseFile(text: string, path: string): z.infer<typeof fileSchema> {
  try {
    return fileSchema.parse(parse(text));
  } catch (cause) {
    throw new AgentError('DRIVER_UNSUITABLE', `the image's ${path} is not as bootc reads it; correct it in the image`, {
      cause,
    });
  }
}
