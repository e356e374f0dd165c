export { isKubeError, KubeError, type KubeErrorCode, kubeErrorCodes } from './error.ts';
export {
  type CertificateAuthority,
  type Credential,
  createCertificateAuthority,
  issueClientCertificate,
  issueServerCertificate,
} from './pki/authority.ts';
export { type Certificate, certificatePin, parseCertificate } from './pki/certificate.ts';
export { fetchCertificateAuthority } from './pki/discovery.ts';
export { createKey } from './pki/key.ts';
export {
  type CertificateRequest,
  createCertificateRequest,
  inspectCertificateRequest,
  signCertificateRequest,
} from './pki/request.ts';
export type { Status, StatusCause } from './status.ts';
