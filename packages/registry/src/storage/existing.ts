// Reading what may not be there. Undefined means that it is not.
import type { Stats } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { hasSystemCode } from '../error.ts';

export async function statIfExists(path: string): Promise<Stats | undefined> {
  return unlessMissing(stat(path));
}

export async function readIfExists(path: string): Promise<Buffer | undefined> {
  return unlessMissing(readFile(path));
}

export async function namesIfExists(directory: string): Promise<string[] | undefined> {
  return unlessMissing(readdir(directory));
}

export async function unlessMissing<T>(operation: Promise<T>): Promise<T | undefined> {
  try {
    return await operation;
  } catch (error) {
    if (hasSystemCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}
