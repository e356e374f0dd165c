// Resolves image references for the controllers: in the registry of this server with a certificate of its own, in all
// others with this machine's credentials and registries.conf.
import { type CheckImage, createImageResolver, type ResolveImage } from '@varve/controllers';
import {
  connectImageRegistry,
  fetchSignedImage,
  type ImageReference,
  type ImageRegistry,
  parseImageReference,
  RegistryClient,
  readCredentials,
  readRegistriesConf,
  verifySignatures,
} from '@varve/oci';

export interface OwnRegistry {
  /** `host:port` */
  readonly authority: string;
  /** Others by which hosts reach it, and images in it are named. */
  readonly otherNames: readonly string[];
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface Resolver extends AsyncDisposable {
  readonly resolveImage: ResolveImage;
  readonly checkImage: CheckImage;
}

/** Milliseconds for all requests about the signatures of an image. */
const timeout = 60_000;

/** Without an own registry all are others. */
export async function createResolver(registry?: OwnRegistry): Promise<Resolver> {
  const own = registry && openOwn(registry);
  const files = { environment: process.env };
  const [credentials, registries] = await Promise.all([readCredentials(files), readRegistriesConf(files)]);
  const others = connectImageRegistry({ credentials, registries, userAgent: 'varve-controllers' });
  // This server may not reach itself by the names that its hosts have for it.
  const locate = (reference: ImageReference): [ImageRegistry, ImageReference] =>
    own?.names.has(reference.registry) ? [own.client, { ...reference, registry: own.authority }] : [others, reference];
  return {
    resolveImage: createImageResolver({
      resolve(reference, options) {
        const [registry, located] = locate(reference);
        return registry.resolve(located, options);
      },
      getImage(reference, options) {
        const [registry, located] = locate(reference);
        return registry.getImage(located, options);
      },
    }),
    async checkImage(image, policy, signal) {
      const reference = parseImageReference(image);
      const [registry, located] = locate(reference);
      const bounded = AbortSignal.any([signal, AbortSignal.timeout(timeout)]);
      // The policy knows the image by the name that hosts have for it.
      verifySignatures({ ...(await fetchSignedImage(registry, located, { signal: bounded })), policy, reference });
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([own?.client[Symbol.asyncDispose](), others[Symbol.asyncDispose]()]);
    },
  };
}

function openOwn({ authority, otherNames, ca, cert, key }: OwnRegistry) {
  const client = new RegistryClient({ ca, cert, key, userAgent: 'varve-controllers' });
  return { authority, client, names: new Set([authority, ...otherNames]) };
}
