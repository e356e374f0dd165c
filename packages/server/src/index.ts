export { ServerError, type ServerErrorCode, serverErrorCodes } from './error.ts';
export { type RunningServer, type ServerOptions, startServer } from './start.ts';
