import type { RegistriesConf } from '../registries/registries-conf.ts';
import type { RegistryClientOptions } from './connection.ts';
import type { ImageRegistry } from './image-registry.ts';
import { MirroredRegistry } from './mirrored-registry.ts';
import { RegistryClient } from './registry-client.ts';

export interface ImageRegistryOptions extends RegistryClientOptions {
  /** What registries.conf says; without it every registry is asked itself. */
  registries?: RegistriesConf;
}

/** Registries, by way of their mirrors. Close it when done. */
export function connectImageRegistry({ registries, ...options }: ImageRegistryOptions = {}): ImageRegistry {
  return registries === undefined ? new RegistryClient(options) : new MirroredRegistry(registries, options);
}
