import { Blobs } from './blobs.ts';
import { makeDirectory } from './durable.ts';
import { Manifests } from './manifests.ts';
import { StoragePaths } from './paths.ts';

/**
 * A registry's directory (see paths.ts), for one process at a time. What a method reports as done is on the disk: written
 * aside, synced, renamed. Names must be parsed before they come here.
 */
export class RegistryStorage implements AsyncDisposable {
  readonly blobs: Blobs;
  readonly manifests: Manifests;

  private constructor(paths: StoragePaths) {
    this.blobs = new Blobs(paths);
    this.manifests = new Manifests(paths, this.blobs);
  }

  /** Opens a registry's directory, and makes it if need be. Uploads that an earlier process left are removed. */
  static async open(directory: string): Promise<RegistryStorage> {
    const paths = new StoragePaths(directory);
    for (const path of [paths.blobs, paths.repositories, paths.uploads]) await makeDirectory(path);
    const storage = new RegistryStorage(paths);
    await storage.blobs.clean();
    return storage;
  }

  async close(): Promise<void> {
    await this.blobs.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
