// Signers that are known by a certificate: Fulcio's short ones at the time of the log, and those of one's own authority.
import { beforeAll, describe, expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import { OciError } from '../error.ts';
import { parseImageReference } from '../reference.ts';
import { parseSignaturePolicy } from './parse-policy.ts';
import {
  Extension,
  issuerExtension,
  keyOf,
  makeCertificate,
  serverAuthentication,
  type TestCertificate,
  type TestCertificateOptions,
} from './testing/certificates.ts';
import {
  attach,
  attachments,
  base64,
  bundle,
  bundles,
  logAttachment,
  logBundle,
  makeKey,
  simpleSigning,
  statement,
} from './testing/sign.ts';
import { verifySignatures } from './verify.ts';

const manifestDigest = digestOf(Buffer.from('manifest'));
const name = 'registry.example/os';
const log = makeKey();
const email = 'signer@example.org';
const oidcIssuer = 'https://issuer.example';
const now = new Date('2025-10-09T08:53:20Z');
const seconds = now.getTime() / 1000;

let root: TestCertificate;
let middle: TestCertificate;
let otherRoot: TestCertificate;
beforeAll(async () => {
  root = await makeCertificate({ name: 'root', isAuthority: true });
  otherRoot = await makeCertificate({ name: 'root', isAuthority: true });
  middle = await makeCertificate({ name: 'middle', isAuthority: true, issuer: root });
});

interface Scene {
  requirement: object;
  leaf: TestCertificate;
  chain?: string;
  at?: Date;
  loggedAt?: number;
  isLogged?: boolean;
}

/** `accepted` with the signer, or the reason. */
function outcome({ requirement, leaf, chain, at = now, loggedAt = seconds, isLogged = false }: Scene): string {
  const policy = parseSignaturePolicy(JSON.stringify({ default: [{ type: 'sigstoreSigned', ...requirement }] }), 'p');
  const signature = attach(keyOf(leaf), simpleSigning(manifestDigest, `${name}:v1`));
  const whole = {
    ...signature,
    certificate: leaf.pem,
    ...(chain !== undefined && { chain }),
    ...(isLogged && { rekorBundle: logAttachment(log, signature, leaf.pem, loggedAt) }),
  };
  const reference = parseImageReference(`${name}:v1`);
  try {
    const accepted = verifySignatures({ policy, reference, manifestDigest, signatures: attachments(whole), now: at });
    return `accepted: ${accepted.signatures[0]?.signer}`;
  } catch (error) {
    if (error instanceof OciError) return `${error.code}: ${error.message}`;
    throw error;
  }
}

describe('an own authority (pki)', () => {
  const requirement = (more: object = {}) => ({
    pki: { caRootsData: base64(root.pem), subjectEmail: email, ...more },
  });
  const signer = (more: Partial<TestCertificateOptions> = {}) =>
    makeCertificate({ name: 'signer', issuer: root, emails: [email], ...more });

  test('a certificate of the root', async () => {
    expect(outcome({ requirement: requirement(), leaf: await signer() })).toBe(`accepted: certificate of ${email}`);
  });

  test('by way of another authority, from the signature or the policy', async () => {
    const leaf = await signer({ issuer: middle });
    expect(outcome({ requirement: requirement(), leaf })).toContain('no root of the policy');
    expect(outcome({ requirement: requirement(), leaf, chain: middle.pem + root.pem })).toContain('accepted');
    const caIntermediatesData = base64(middle.pem);
    expect(outcome({ requirement: requirement({ caIntermediatesData }), leaf })).toContain('accepted');
  });

  test('a root that comes with the signature is none', async () => {
    const leaf = await signer({ issuer: otherRoot });
    expect(outcome({ requirement: requirement(), leaf, chain: otherRoot.pem + otherRoot.pem })).toContain(
      'SIGNATURE_REJECTED',
    );
  });

  test('the host, and both where both are asked for', async () => {
    const leaf = await signer({ hosts: ['build.example.org'] });
    const host = (subjectHostname: string) => outcome({ requirement: requirement({ subjectHostname }), leaf });
    expect(host('build.example.org')).toContain('accepted');
    expect(host('other.example.org')).toContain('not for the host');
    expect(host('.example.org')).toContain('not for the host');
  });

  test.each([
    ['*.example.org', 'accepted'],
    ['b*.example.org', 'not for the host'],
    ['*.org', 'not for the host'],
  ])('a host among %s', async (hosts, told) => {
    const leaf = await signer({ hosts: [hosts] });
    const subjectHostname = 'build.example.org';
    expect(outcome({ requirement: requirement({ subjectHostname }), leaf })).toContain(told);
  });

  const refusals: [string, Partial<TestCertificateOptions>, string][] = [
    ['of somebody else', { emails: ['other@example.org'] }, 'other@example.org'],
    ['of an address in another case', { emails: ['Signer@example.org'] }, 'asks for'],
    ['of nobody', { emails: [] }, 'nobody with an address'],
    ['for servers', { usages: [serverAuthentication] }, 'not for code signing'],
    ['that has ended', { to: new Date('2025-10-02T00:00:00Z') }, 'was not valid'],
    ['that has not begun', { from: new Date('2025-10-10T00:00:00Z') }, 'was not valid'],
    [
      'with an unknown critical extension',
      { extensions: [new Extension('1.2.3.4', true, new Uint8Array([5, 0]))] },
      '1.2.3.4',
    ],
    ['with an extension twice', { extensions: [issuerExtension(1, 'a'), issuerExtension(1, 'a')] }, 'twice'],
    ['with a weak hash', { hash: 'SHA-1' }, 'weak hash'],
  ];
  test.each(refusals)('a certificate %s', async (_name, more, reason) => {
    const told = outcome({ requirement: requirement(), leaf: await signer(more) });
    expect(told).toContain('SIGNATURE_REJECTED');
    expect(told).toContain(reason);
  });

  const authorities: [string, Partial<TestCertificateOptions>, string][] = [
    ['is no authority', { isAuthority: false }, 'SIGNATURE_REJECTED'],
    ['has ended', { to: new Date('2025-10-02T00:00:00Z') }, 'was not valid'],
    ['is for servers', { usages: [serverAuthentication] }, 'not for code signing'],
    [
      'limits names, which is not supported',
      { extensions: [new Extension('2.5.29.30', false, new Uint8Array([48, 0]))] },
      '2.5.29.30',
    ],
  ];
  test.each(authorities)('an authority between that %s', async (_name, more, reason) => {
    const between = await makeCertificate({ name: 'between', issuer: root, isAuthority: true, ...more });
    const leaf = await signer({ issuer: between });
    expect(outcome({ requirement: requirement(), leaf, chain: between.pem + root.pem })).toContain(reason);
  });

  test('the length of the chain that an authority allows', async () => {
    const short = await makeCertificate({ name: 'short', isAuthority: true, pathLength: 0 });
    const between = await makeCertificate({ name: 'between', issuer: short, isAuthority: true });
    const pki = { caRootsData: base64(short.pem), subjectEmail: email };
    const chain = between.pem + short.pem;
    expect(outcome({ requirement: { pki }, leaf: await signer({ issuer: short }) })).toContain('accepted');
    expect(outcome({ requirement: { pki }, leaf: await signer({ issuer: between }), chain })).toContain('so many');
  });

  test('authorities that have issued each other end nowhere, and soon', async () => {
    const leaf = await signer({ issuer: otherRoot });
    const chain = Array.from({ length: 60 }, () => otherRoot.pem).join('') + root.pem;
    expect(outcome({ requirement: requirement(), leaf, chain })).toContain('SIGNATURE_REJECTED');
  });

  test('a signature by another key than the certificate has', async () => {
    const policy = parseSignaturePolicy(
      JSON.stringify({ default: [{ type: 'sigstoreSigned', ...requirement() }] }),
      'p',
    );
    const signature = attach(makeKey(), simpleSigning(manifestDigest, `${name}:v1`));
    const signatures = attachments({ ...signature, certificate: (await signer()).pem });
    const reference = parseImageReference(`${name}:v1`);
    expect(() => verifySignatures({ policy, reference, manifestDigest, signatures, now })).toThrow(
      'no key of the policy',
    );
  });

  test('two certificates of signers', async () => {
    const leaf = await signer();
    const doubled = { ...leaf, pem: leaf.pem + leaf.pem };
    expect(outcome({ requirement: requirement(), leaf: doubled })).toContain('not exactly one certificate');
  });

  test('roots that are none make the requirement unusable', async () => {
    const pki = { caRootsData: base64('x'), subjectEmail: email };
    expect(outcome({ requirement: { pki }, leaf: await signer() })).toContain('SIGNATURE_POLICY_INVALID');
  });
});

describe('Fulcio', () => {
  const requirement = () => ({
    fulcio: { caData: base64(root.pem), oidcIssuer, subjectEmail: email },
    rekorPublicKeyData: base64(log.publicPem),
  });
  const from = new Date(now.getTime() - 60_000);
  const to = new Date(now.getTime() + 600_000);
  const signer = (...extensions: Extension[]) =>
    makeCertificate({ name: 'signer', issuer: root, emails: [email], from, to, extensions });
  const years = new Date('2027-01-01T00:00:00Z');

  test.each([1, 2] as const)(
    'a certificate that has long ended, logged while it lived (issuer in version %i)',
    async (version) => {
      const leaf = await signer(issuerExtension(version, oidcIssuer));
      expect(outcome({ requirement: requirement(), leaf, isLogged: true, at: years })).toContain('accepted');
      expect(outcome({ requirement: requirement(), leaf })).toContain('no entry in a transparency log');
      const loggedAt = seconds + 601;
      expect(outcome({ requirement: requirement(), leaf, isLogged: true, loggedAt })).toContain('was not valid');
    },
  );

  test.each([
    ['of another provider', [issuerExtension(2, 'https://other.example')], 'https://other.example'],
    ['of no provider', [], 'nobody has vouched'],
    [
      'of two providers',
      [issuerExtension(1, oidcIssuer), issuerExtension(2, 'https://other.example')],
      'two different',
    ],
    ['of a damaged provider', [new Extension('1.3.6.1.4.1.57264.1.8', false, new Uint8Array([4, 1, 65]))], 'damaged'],
  ])('a certificate %s', async (_name, extensions, reason) => {
    expect(outcome({ requirement: requirement(), leaf: await signer(...extensions), isLogged: true })).toContain(
      reason,
    );
  });

  test('a certificate of another authority', async () => {
    const extensions = [issuerExtension(2, oidcIssuer)];
    const leaf = await makeCertificate({ name: 's', issuer: otherRoot, emails: [email], from, to, extensions });
    expect(outcome({ requirement: requirement(), leaf, isLogged: true })).toContain('has not signed it');
  });

  test('in a bundle', async () => {
    const leaf = await signer(issuerExtension(2, oidcIssuer));
    const value = bundle(keyOf(leaf), statement(manifestDigest));
    const tlogEntries = [logBundle(log, value, leaf.pem)];
    const certificate = { rawBytes: base64(leaf.der) };
    const signatures = bundles({ ...value, verificationMaterial: { certificate, tlogEntries } });
    const rule = { ...requirement(), signedIdentity: { type: 'matchRepository' } };
    const policy = parseSignaturePolicy(JSON.stringify({ default: [{ type: 'sigstoreSigned', ...rule }] }), 'p');
    const reference = parseImageReference(`${name}@${manifestDigest}`);
    expect(verifySignatures({ policy, reference, manifestDigest, signatures, now: years }).signatures).toEqual([
      {
        kind: 'bundle',
        digest: manifestDigest,
        signer: `certificate of ${email}`,
        keyId: expect.any(String),
        loggedAt: now.toISOString(),
      },
    ]);
  });
});
