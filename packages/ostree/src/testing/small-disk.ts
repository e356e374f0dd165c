// A small file system of its own, to be filled.
import { mkdir, rm, statfs, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import spawn from 'nano-spawn';

/** An ext4 in a file, because its blocks are counted as those of a host are. */
export class SmallDisk implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** `directory` is where the file and the mount point lie. */
  static async mount(directory: string, bytes: number): Promise<SmallDisk> {
    const image = join(directory, 'disk.ext4');
    const path = join(directory, 'disk');
    await writeFile(image, '');
    await truncate(image, bytes);
    await spawn('mkfs.ext4', ['-q', '-b', '4096', '-m', '0', image]);
    await mkdir(path);
    await spawn('mount', ['-o', 'loop', image, path]);
    return new SmallDisk(path);
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.path);
    return bavail * bsize;
  }

  /** Takes all room but this. */
  async fill(leave: number): Promise<void> {
    await spawn('fallocate', ['--length', String((await this.freeBytes()) - leave), this.#ballast]);
  }

  async empty(): Promise<void> {
    await rm(this.#ballast);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await spawn('umount', [this.path]);
  }

  get #ballast(): string {
    return join(this.path, 'ballast');
  }
}
