// Test fixture: an ext4 file system of its own, which can be filled, and which can break.
import { randomUUID } from 'node:crypto';
import { open, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import spawn from 'nano-spawn';

export class LoopDevice implements AsyncDisposable {
  /** Where it is mounted. */
  readonly directory: string;
  #image: string;
  readonly #ballast: string;

  private constructor(directory: string, image: string) {
    this.directory = directory;
    this.#image = image;
    this.#ballast = join(directory, 'ballast');
  }

  /** `directory` is there; the image comes beside it. */
  static async create(directory: string, megabytes: number): Promise<LoopDevice> {
    const device = new LoopDevice(directory, `${directory}.img`);
    await using image = await open(device.#image, 'w');
    await image.truncate(megabytes << 20);
    await spawn('mkfs.ext4', ['-q', '-m', '0', device.#image]);
    await device.mount();
    return device;
  }

  async mount(): Promise<void> {
    await spawn('mount', ['-o', 'loop,errors=remount-ro', this.#image, this.directory]);
  }

  /** Leaves some blocks of 4 KiB, at most. */
  async fill(blocks: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.directory);
    await using file = await open(this.#ballast, 'w');
    const piece = Buffer.alloc(bsize);
    for (let left = bavail - blocks; left > 0; left--) {
      try {
        await file.write(piece);
      } catch {
        return;
      }
    }
  }

  async empty(): Promise<void> {
    await rm(this.#ballast);
  }

  /** As after an error of the disk: the kernel makes it read-only. */
  async break(): Promise<void> {
    const mounts = await readFile('/proc/self/mounts', 'utf8');
    const [device = ''] =
      mounts
        .split('\n')
        .find((line) => line.split(' ')[1] === this.directory)
        ?.split(' ') ?? [];
    await writeFile(`/sys/fs/ext4/${basename(device)}/trigger_fs_error`, 'test');
  }

  /**
   * As at the next boot, on another disk: a process with a mount namespace of its own, another test's say, may keep the
   * broken one mounted, and mount(8) would take its loop device again.
   */
  async repair(): Promise<void> {
    await spawn('umount', [this.directory]);
    const broken = this.#image;
    this.#image = `${this.directory}-${randomUUID()}.img`;
    await spawn('cp', ['--sparse=always', broken, this.#image]);
    await rm(broken);
    // Status 1: errors were corrected (e2fsck(8)).
    await spawn('sh', ['-c', 'e2fsck -p "$1" || [ $? = 1 ]', 'sh', this.#image]);
    await this.mount();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await spawn('umount', ['--lazy', this.directory]);
    await rm(this.#image);
  }
}
