// What was staged: a commit, held by a ref whatever else prunes the repository, and the record of what it is for.
import { type OstreeChecksum, parseChecksum, type Sysroot } from '@varve/ostree';
import * as z from 'zod';
import { readState, writeState } from '../../state/durable-file.ts';
import type { StagedConfig } from '../driver.ts';

const stagedSchema: z.ZodType<StagedConfig> = z.object({
  config: z.string(),
  image: z.string(),
  checksum: z.string(),
  origin: z.string().optional(),
  kernelArguments: z.array(z.string()).optional(),
  acceptance: z.string().optional(),
});
const stagedRef = 'varve/staged';

/** Undefined when nothing is staged, or when its commit is no longer held. */
export async function readStaged(sysroot: Sysroot, path: string): Promise<StagedConfig | undefined> {
  const staged = await readState(path, stagedSchema);
  return staged && (await sysroot.repository.readRef(stagedRef)) === staged.checksum ? staged : undefined;
}

/** Takes the place of what was staged before. */
export async function writeStaged(sysroot: Sysroot, path: string, staged: StagedConfig): Promise<void> {
  await pinStaged(sysroot, parseChecksum(staged.checksum));
  await writeState(path, staged);
}

/** Keeps a commit from being pruned until another one is staged. */
export async function pinStaged(sysroot: Sysroot, commit: OstreeChecksum): Promise<void> {
  await sysroot.repository.writeRef(stagedRef, commit);
}
