// A Debian package of the agent: the executable, its units, its user. Built by dpkg-deb alone, since there is nothing to
// compile; what lies where is said here, and what maintainer scripts do in packaging/debian.
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { arch, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import spawn from 'nano-spawn';
import packageJson from '../../package.json' with { type: 'json' };

const packaging = join(import.meta.dirname, '../../packaging');
const architecture = arch() === 'x64' ? 'amd64' : arch();
const documents = 'usr/share/doc/varve-agent';
const units = 'lib/systemd/system';

/** Of packaging/, and where it is installed. */
const files: readonly (readonly [source: string, target: string])[] = [
  ['systemd/varve-agent.service', `${units}/varve-agent.service`],
  ['systemd/varve-helper.service', `${units}/varve-helper.service`],
  ['systemd/varve-helper.socket', `${units}/varve-helper.socket`],
  ['systemd/varve-join.service', `${units}/varve-join.service`],
  ['sysusers.d/varve.conf', 'usr/lib/sysusers.d/varve.conf'],
  ['debian/copyright', `${documents}/copyright`],
  ['debian/lintian-overrides', 'usr/share/lintian/overrides/varve-agent'],
];
const scripts = ['postinst', 'prerm', 'postrm'];

/** Writes the package into `directory` and returns its path. */
export async function buildDeb(executable: string, directory: string): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'varve-deb-'));
  try {
    await chmod(root, 0o755);
    for (const [source, target] of files) await install(join(packaging, source), join(root, target), 0o644);
    await install(executable, join(root, 'usr/bin/varve-agent'), 0o755);
    const manual = await readFile(join(packaging, 'varve-agent.8'));
    await write(join(root, 'usr/share/man/man8/varve-agent.8.gz'), gzipSync(manual, { level: 9 }));
    await write(join(root, documents, 'changelog.gz'), gzipSync(changelog(), { level: 9 }));
    for (const script of scripts) {
      await install(join(packaging, 'debian', script), join(root, 'DEBIAN', script), 0o755);
    }
    await write(join(root, 'DEBIAN/control'), await control((await stat(executable)).size));
    const output = join(directory, `varve-agent_${packageJson.version}_${architecture}.deb`);
    await spawn('dpkg-deb', ['--root-owner-group', '-Zxz', '-z1', '--build', root, output], { stdin: 'ignore' });
    return output;
  } finally {
    await rm(root, { recursive: true });
  }
}

async function control(bytes: number): Promise<string> {
  const template = await readFile(join(packaging, 'debian/control'), 'utf8');
  return template
    .replace('@VERSION@', packageJson.version)
    .replace('@ARCHITECTURE@', architecture)
    .replace('@SIZE@', String(Math.ceil(bytes / 1024)));
}

/** deb-changelog(5); what changed is in the project's own CHANGELOG.md. */
function changelog(): string {
  return `varve-agent (${packageJson.version}) unstable; urgency=medium

  * See CHANGELOG.md.

 -- Varve maintainers <maintainers@varve.dev>  Thu, 26 Nov 2026 12:00:00 +0000
`;
}

async function install(source: string, target: string, mode: number): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  await copyFile(source, target);
  await chmod(target, mode);
}

async function write(target: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, content, { mode: 0o644 });
}
