// An emulated machine whose disk holds an OSTree sysroot. The emulator ends when the machine reboots; what a boot loader would
// read then is read here: the boot entry that is first now.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './process.ts';

export const emulator = process.arch === 'arm64' ? 'qemu-system-aarch64' : 'qemu-system-x86_64';
/** Where a machine reaches this one's loopback interface (QEMU's user network). */
export const hostAddress = '10.0.2.2';
/** Kernel arguments with which a sysroot boots here. */
export const kernelArguments = [
  ...['root=LABEL=root', 'rw', 'console=ttyS0', 'panic=5', 'systemd.show_status=false'],
  // What units write is the only way to see why a machine does not come up.
  ...['systemd.journald.forward_to_console=1', 'systemd.journald.max_level_console=info'],
];

const architecture = process.arch === 'arm64' ? ['-machine', 'virt'] : [];
const hardware = ['-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '2', '-m', '1024'];
const devices = ['-nodefaults', '-display', 'none', '-no-reboot', '-nic', 'user,model=virtio-net-pci'];

export class VirtualMachine implements AsyncDisposable {
  readonly #directory: string;
  #emulator: ChildProcess | undefined;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;
  /** How often it has booted. */
  boots = 0;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** A machine, not started, with a copy of a sysroot on its disk. Its files are kept in `directory`. */
  static async create(directory: string, sysroot: string): Promise<VirtualMachine> {
    const machine = new VirtualMachine(directory);
    await mkdir(machine.#mountPoint, { recursive: true });
    await run('truncate', '--size=3G', machine.#disk);
    await run('mke2fs', '-q', '-t', 'ext4', '-L', 'root', '-d', sysroot, '-F', machine.#disk);
    return machine;
  }

  /** Boots it, and again whenever it reboots, at most `most` times. */
  start(most: number): void {
    this.#running = this.#run(most);
    this.#running.catch(() => {});
  }

  /** What came over the serial line in all boots. */
  async console(): Promise<string> {
    const texts: string[] = [];
    for (let boot = 1; boot <= this.boots; boot++)
      texts.push(await readFile(this.#log(boot), 'latin1').catch(() => ''));
    return texts.join('');
  }

  /** As a power cut. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    this.#emulator?.kill('SIGKILL');
    await this.#running.catch(() => {});
  }

  async #run(most: number): Promise<void> {
    while (!this.#stopped && this.boots < most) {
      const options = await this.#readBootEntry();
      this.boots++;
      const serial = ['-serial', `file:${this.#log(this.boots)}`];
      const drive = ['-drive', `file=${this.#disk},format=raw,if=virtio`];
      const kernel = ['-kernel', join(this.#directory, 'linux'), '-initrd', join(this.#directory, 'initrd')];
      const args = [...architecture, ...hardware, ...devices, ...serial, ...drive, ...kernel, '-append', options];
      this.#emulator = spawn(emulator, args, { stdio: 'ignore' });
      await once(this.#emulator, 'exit');
    }
  }

  /** Takes the kernel and the initramfs of the first boot entry from the disk, and gives its kernel arguments. */
  async #readBootEntry(): Promise<string> {
    await run('mount', '-o', 'loop', this.#disk, this.#mountPoint);
    try {
      const boot = join(this.#mountPoint, 'boot');
      const entries = join(boot, 'loader/entries');
      const texts = await Promise.all((await readdir(entries)).map((name) => readFile(join(entries, name), 'utf8')));
      const parsed = texts.map((text) => new Map(text.split('\n').map((line) => splitOnce(line))));
      const [first] = parsed.sort((a, b) => Number(b.get('version')) - Number(a.get('version')));
      // The entry's paths are seen from the boot loader, for which /boot may be a file system of its own.
      for (const key of ['linux', 'initrd']) {
        await cp(join(boot, (first?.get(key) ?? '').replace(/^\/boot\//, '/')), join(this.#directory, key));
      }
      return first?.get('options') ?? '';
    } finally {
      await run('umount', this.#mountPoint);
    }
  }

  get #disk(): string {
    return join(this.#directory, 'disk');
  }

  get #mountPoint(): string {
    return join(this.#directory, 'mounted');
  }

  #log(boot: number): string {
    return join(this.#directory, `console-${boot}`);
  }
}

/** `key value` of a boot loader entry (https://uapi-group.org/specifications/specs/boot_loader_specification/). */
function splitOnce(line: string): [string, string] {
  const [, key = '', value = ''] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
  return [key, value];
}
