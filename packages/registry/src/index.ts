export type { Authorize, RegistryAction } from './call.ts';
export { RegistryError, type RegistryErrorCode, registryErrorCodes } from './error.ts';
export { type RegistryPluginOptions, registryPlugin } from './plugin.ts';
export { RegistryStorage } from './storage/storage.ts';
