// What a machine demands of images' signatures: containers-policy.json(5), parsed. Only what is said of images in registries
// is kept; the rest of the file is checked and left out.
// https://github.com/containers/container-libs/blob/main/image/docs/containers-policy.json.5.md

/** PEM text of keys or certificates, from the policy itself or from a file that it names. */
export interface PemSource {
  /** For messages: the file's path, or the field that holds the text. */
  name: string;
  /** The file; readSignaturePolicy reads it. */
  path?: string;
  text?: string;
  /** Why the file could not be read. What needs it then accepts nothing; other requirements stand. */
  problem?: string;
}

/** How the reference that a signature names must relate to the one that the user named. */
export type SignedIdentity =
  | { type: 'matchExact' }
  | { type: 'matchRepoDigestOrExact' }
  | { type: 'matchRepository' }
  | { type: 'exactReference'; dockerReference: string }
  | { type: 'exactRepository'; dockerRepository: string }
  | { type: 'remapIdentity'; prefix: string; signedPrefix: string };

/** Whose signature counts: one of some keys, or the key of a certificate. */
export type SignerTrust =
  | { type: 'keys'; keys: PemSource[]; rekorKeys: PemSource[] }
  | { type: 'fulcio'; roots: PemSource; oidcIssuer: string; subjectEmail: string; rekorKeys: PemSource[] }
  | { type: 'pki'; roots: PemSource; intermediates?: PemSource; subjectEmail?: string; subjectHostname?: string };

export interface SigstoreSigned {
  type: 'sigstoreSigned';
  trust: SignerTrust;
  signedIdentity: SignedIdentity;
}

export type PolicyRequirement =
  | { type: 'insecureAcceptAnything' }
  | { type: 'reject' }
  /** Parsed and never satisfied: GPG signatures are not supported, and the other one is not implemented anywhere. */
  | { type: 'signedBy' | 'signedBaseLayer' }
  | SigstoreSigned;

export interface SignaturePolicy {
  /** Where it comes from, for messages. */
  source: string;
  default: readonly PolicyRequirement[];
  /** Requirements by scope of the transport `docker`: `host/path:tag`, `host/path`, `host`, `*.domain`, or '' for all. */
  scopes: ReadonlyMap<string, readonly PolicyRequirement[]>;
}
