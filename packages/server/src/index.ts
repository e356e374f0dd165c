export { type RotatedKeys, rotateConfigurationKey } from './configuration-keys.ts';
export { ServerError, type ServerErrorCode, serverErrorCodes } from './error.ts';
export { type RunningServer, type ServerOptions, startServer } from './start.ts';
