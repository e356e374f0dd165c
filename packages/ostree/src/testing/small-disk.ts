// A small file system of its own, to be filled, and to lose its power.
import { randomUUID } from 'node:crypto';
import { mkdir, rm, statfs, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import spawn from 'nano-spawn';

// FS_IOC_SHUTDOWN of the kernel's include/uapi/linux/fs.h, and XFS_FSOP_GOING_FLAGS_NOLOGFLUSH: Node has no ioctl.
const shutDown = 'import fcntl, os, struct, sys; fcntl.ioctl(os.open(sys.argv[1], 0), 0x8004587d, struct.pack("I", 2))';

/** An ext4 in a file, because its blocks are counted as those of a host are. */
export class SmallDisk implements AsyncDisposable {
  readonly path: string;
  #image: string;

  private constructor(path: string, image: string) {
    this.path = path;
    this.#image = image;
  }

  /** `directory` is where the file and the mount point lie. */
  static async mount(directory: string, bytes: number): Promise<SmallDisk> {
    const image = join(directory, 'disk.ext4');
    const path = join(directory, 'disk');
    await writeFile(image, '');
    await truncate(image, bytes);
    await spawn('mkfs.ext4', ['-q', '-b', '4096', '-m', '0', image]);
    await mkdir(path);
    const disk = new SmallDisk(path, image);
    await disk.#mount();
    return disk;
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

  /** What is not on the disk is gone, and every call fails until `restore`. */
  async cutPower(): Promise<void> {
    await spawn('python3', ['-c', shutDown, this.path]);
  }

  /** What the disk has is on another one then: a process with a mount namespace of its own may keep the dead one mounted. */
  async restore(): Promise<void> {
    await spawn('umount', [this.path]);
    const dead = this.#image;
    this.#image = join(dirname(dead), `${randomUUID()}.ext4`);
    await spawn('cp', ['--sparse=always', dead, this.#image]);
    await rm(dead);
    await this.#mount();
  }

  async #mount(): Promise<void> {
    // Nothing gets onto the disk by the mere passing of time.
    await spawn('mount', ['-o', 'loop,commit=3600', this.#image, this.path]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await spawn('umount', [this.path]);
  }

  get #ballast(): string {
    return join(this.path, 'ballast');
  }
}
