export { type BackupOptions, createBackup } from './backup/backup.ts';
export type { BackupSummary } from './backup/backup-file.ts';
export { type RestoreOptions, restoreBackup } from './backup/restore.ts';
export { type RotatedKeys, rotateConfigurationKey } from './configuration-keys.ts';
export { type ControllerOptions, runController } from './controller/controller.ts';
export { rotateConfigurationKeySecret } from './controller/key-secret.ts';
export { ServerError, type ServerErrorCode, serverErrorCodes } from './error.ts';
export type { Grants } from './roles.ts';
export { type RunningServer, type ServerOptions, startServer } from './start.ts';
