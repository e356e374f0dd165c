// Resolves image references for the controllers: in the registry of this server with a certificate of its own, in all
// others with this machine's credentials and registries.conf.
import { createImageResolver, type ResolveImage } from '@varve/controllers';
import {
  connectImageRegistry,
  type ImageReference,
  type ImageRegistry,
  RegistryClient,
  readCredentials,
  readRegistriesConf,
} from '@varve/oci';

export interface OwnRegistry {
  /** `host:port` */
  readonly authority: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface Resolver extends AsyncDisposable {
  readonly resolveImage: ResolveImage;
}

export async function createResolver({ authority, ca, cert, key }: OwnRegistry): Promise<Resolver> {
  const own = new RegistryClient({ ca, cert, key, userAgent: 'varve-controllers' });
  const files = { environment: process.env };
  const [credentials, registries] = await Promise.all([readCredentials(files), readRegistriesConf(files)]);
  const others = connectImageRegistry({ credentials, registries, userAgent: 'varve-controllers' });
  const clientFor = (reference: ImageReference): ImageRegistry => (reference.registry === authority ? own : others);
  return {
    resolveImage: createImageResolver({
      resolve: (reference, options) => clientFor(reference).resolve(reference, options),
      getImage: (reference, options) => clientFor(reference).getImage(reference, options),
    }),
    async [Symbol.asyncDispose]() {
      await Promise.all([own[Symbol.asyncDispose](), others[Symbol.asyncDispose]()]);
    },
  };
}
