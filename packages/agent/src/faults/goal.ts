// What a host must reach by itself, seen from its files alone.
import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { readIdentity } from '../enroll/identity.ts';
import { readFailed } from '../health/failed-target.ts';
import { type StatePaths, stateDirectoryOf, statePaths } from '../state/paths.ts';

export const goalSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('staged'), config: z.string() }),
  /** Runs and has proved itself, with the one before it and no other; `failed` was tried and given up. */
  z.object({ kind: z.literal('runs'), config: z.string(), failed: z.string().optional() }),
  /** Has a certificate that lives for more than a day. */
  z.object({ kind: z.literal('renewed') }),
]);
export type Goal = z.infer<typeof goalSchema>;

const day = 24 * 60 * 60_000;
const runSchema = z.object({ bootId: z.string(), deployment: z.string(), config: z.string().optional() });

/** False also while something cannot be read yet. */
export async function isReached(sysroot: string, goal: Goal): Promise<boolean> {
  const paths = statePaths(stateDirectoryOf(sysroot));
  try {
    if (goal.kind === 'staged') return (await readFile(paths.staged, 'utf8')).includes(`"${goal.config}"`);
    if (goal.kind === 'renewed') return await hasNewCertificate(paths);
    const failed = await readFailed(paths.failed);
    if (goal.failed !== undefined && !failed.some(({ config }) => config === goal.failed)) return false;
    return (await runs(paths, goal.config)) && (await isTidy(sysroot, paths));
  } catch {
    return false;
  }
}

async function hasNewCertificate({ identity }: StatePaths): Promise<boolean> {
  const { cert = '' } = (await readIdentity(identity)) ?? {};
  const { validFromDate, validToDate } = new X509Certificate(cert);
  return validToDate.getTime() - validFromDate.getTime() > day;
}

async function runs({ verified, booted }: StatePaths, config: string): Promise<boolean> {
  const good = runSchema.parse(JSON.parse(await readFile(verified, 'utf8')));
  const now = runSchema.parse(JSON.parse(await readFile(booted, 'utf8')));
  return good.config === config && good.bootId === now.bootId && good.deployment === now.deployment;
}

async function isTidy(sysroot: string, { applying, journal, probation, bootRequested }: StatePaths): Promise<boolean> {
  if ([applying, journal, probation, bootRequested].some((path) => existsSync(path))) return false;
  const names = await readdir(join(sysroot, 'ostree/deploy/varve/deploy'));
  return names.filter((name) => !name.endsWith('.origin')).length <= 2;
}
