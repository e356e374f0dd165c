// What an attachment and a bundle have in common, before anything of it is believed.

export interface UntrustedSignature {
  kind: 'attachment' | 'bundle';
  /** What the signature is over. */
  signedBytes: Buffer;
  signature: Buffer;
  /** The signer's certificate (DER) and others that lead to a root. Throws Error where it has none. */
  readCertificates(): UntrustedCertificates;
  /** Its entry in a transparency log. Throws Error where it has none. */
  readLogEntry(): LogEntry;
  /** Why the body of a log's entry is not about this signature by this key or certificate (DER). */
  logBodyProblem(body: Uint8Array, keyOrCertificate: Uint8Array): string | undefined;
  /** What is claimed. Call it only when the signature is verified: the parser shall meet the signer's bytes only. */
  readClaim(): Claim;
}

export interface UntrustedCertificates {
  leaf: Buffer<ArrayBuffer>;
  intermediates: Buffer<ArrayBuffer>[];
}

/** An entry with the promise of the log, its SignedEntryTimestamp. */
export interface LogEntry {
  promise: Buffer;
  payload: {
    /** Base64. */
    body: string;
    /** Seconds since 1970. */
    integratedTime: number;
    logIndex: number;
    logID: string;
  };
}

export interface Claim {
  /** `sha256:…` of the manifests that were signed. */
  digests: string[];
  /** The reference that the image was signed as. */
  reference?: string;
}
