// Where things lie in a registry's directory:
//
//   blobs/<2 hex>/<hex>                            every blob once
//   repositories/<name>/_blobs/<hex>               hard link to a blob: what the repository may serve
//   repositories/<name>/_manifests/<hex>           the manifest itself
//   repositories/<name>/_tags/<tag>                the digest that the tag names
//   repositories/<name>/_referrers/<hex>/<hex>     empty: the second manifest has the first as its subject
//   uploads/<uuid>                                 what is not complete
//
// No part of a repository's name begins with `_`, so that names cannot meet ours. Every function takes parsed names only.
import { join } from 'node:path';
import { type Digest, digestHex } from '@varve/oci';

export class StoragePaths {
  readonly blobs: string;
  readonly repositories: string;
  readonly uploads: string;

  constructor(directory: string) {
    this.blobs = join(directory, 'blobs');
    this.repositories = join(directory, 'repositories');
    this.uploads = join(directory, 'uploads');
  }

  blob(digest: Digest): string {
    const hex = digestHex(digest);
    return join(this.blobs, hex.slice(0, 2), hex);
  }

  repository(repository: string): string {
    return join(this.repositories, repository);
  }

  repositoryBlob(repository: string, digest: Digest): string {
    return join(this.repository(repository), '_blobs', digestHex(digest));
  }

  manifests(repository: string): string {
    return join(this.repository(repository), '_manifests');
  }

  manifest(repository: string, digest: Digest): string {
    return join(this.manifests(repository), digestHex(digest));
  }

  tags(repository: string): string {
    return join(this.repository(repository), '_tags');
  }

  tag(repository: string, tag: string): string {
    return join(this.tags(repository), tag);
  }

  referrers(repository: string, subject: Digest): string {
    return join(this.repository(repository), '_referrers', digestHex(subject));
  }

  referrer(repository: string, subject: Digest, manifest: Digest): string {
    return join(this.referrers(repository, subject), digestHex(manifest));
  }
}
