import { randomUUID } from 'node:crypto';
import { open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { RegistryError } from '../error.ts';
import { Upload } from './upload.ts';

const maximumOpenUploads = 1000;
const idleLifetime = 60 * 60 * 1000;

/** The uploads in progress. They live as long as the process: a client that meets another process begins again. */
export class Uploads {
  readonly #directory: string;
  readonly #open = new Map<string, Upload>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Removes what an earlier process left. */
  async clean(): Promise<void> {
    for (const name of await readdir(this.#directory))
      await rm(join(this.#directory, name), { force: true, recursive: true });
  }

  /** @throws RegistryError TOOMANYREQUESTS */
  async start(repository: string): Promise<Upload> {
    await this.#expire();
    if (this.#open.size >= maximumOpenUploads) {
      throw new RegistryError(
        'TOOMANYREQUESTS',
        `${maximumOpenUploads} uploads are open; try again when some are done`,
        {
          headers: { 'retry-after': '10' },
        },
      );
    }
    const id = randomUUID();
    const path = join(this.#directory, id);
    const upload = new Upload(id, repository, path, await open(path, 'wx', 0o600));
    this.#open.set(id, upload);
    return upload;
  }

  /** @throws RegistryError BLOB_UPLOAD_UNKNOWN */
  find(repository: string, id: string): Upload {
    const upload = this.#open.get(id);
    if (upload?.repository === repository) return upload;
    throw new RegistryError(
      'BLOB_UPLOAD_UNKNOWN',
      `${repository} has no upload ${id}: it was completed, cancelled or given up; start a new one`,
    );
  }

  /** Forgets an upload and removes its file, if that was not renamed. */
  async end(upload: Upload): Promise<void> {
    if (!this.#open.delete(upload.id)) return;
    await upload.close();
    await rm(upload.path, { force: true });
  }

  async endAll(): Promise<void> {
    for (const upload of [...this.#open.values()]) await this.end(upload);
  }

  async #expire(): Promise<void> {
    const limit = Date.now() - idleLifetime;
    for (const upload of [...this.#open.values()]) if (upload.isIdleSince(limit)) await this.end(upload);
  }
}
