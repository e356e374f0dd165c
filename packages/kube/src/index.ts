export type { ApplyConfiguration } from './apply-configuration.ts';
export type { Backoff } from './backoff.ts';
export type { Change } from './cache.ts';
export {
  type DeleteOptions,
  KubeClient,
  type PatchOptions,
  type PatchType,
  type RequestOptions,
  type SelectOptions,
  type WatchOptions,
} from './client.ts';
export { type ConditionUpdate, formatTime, isConditionTrue, setCondition } from './conditions.ts';
export type { Connection } from './connection.ts';
export { isKubeError, KubeError, type KubeErrorCode, kubeErrorCodes } from './error.ts';
export type { EventType } from './event-correlator.ts';
export { EventRecorder, type EventRecorderOptions } from './event-recorder.ts';
export { loadInClusterConnection } from './in-cluster.ts';
export { Informer, type InformerOptions } from './informer.ts';
export { formatKubeconfig, loadKubeconfig } from './kubeconfig.ts';
export { type Labels, matchesSelector } from './labels.ts';
export { type Lead, type LeaderElectionOptions, LeaderElector } from './leader-election/elector.ts';
export { createLeaseLock, type LeaseLock, type LeaseName } from './leader-election/lease-lock.ts';
export type { ObjectList } from './object.ts';
export { collectionPath, keyOf, objectPath } from './path.ts';
export {
  type CertificateAuthority,
  type Credential,
  createCertificateAuthority,
  issueClientCertificate,
  issueServerCertificate,
} from './pki/authority.ts';
export { type Certificate, certificatePin, parseCertificate } from './pki/certificate.ts';
export { createCertificateRequest } from './pki/create-request.ts';
export { fetchCertificateAuthority } from './pki/discovery.ts';
export { createKey } from './pki/key.ts';
export {
  type CertificateRequest,
  inspectCertificateRequest,
  signCertificateRequest,
} from './pki/request.ts';
export { proxyFromEnvironment } from './proxy.ts';
export type { Status } from './status.ts';
export type { WatchEvent } from './watch.ts';
export { type Process, WorkQueue, type WorkQueueOptions } from './work-queue.ts';
