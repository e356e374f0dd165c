// What a host runs, for people and for programs.
import type { HostStatus } from '@varve/agent';
import { formatBytes, type Terminal } from '../output.ts';

export interface HostSummary {
  readonly driver: string;
  readonly booted: DeploymentSummary;
  readonly rollback: DeploymentSummary | null;
  /** Another deployment than the booted one boots next. */
  readonly bootPending: boolean;
  readonly kernelArguments: readonly string[];
  readonly managedFiles: readonly string[];
  readonly drift: readonly { path: string; message: string }[];
}

export interface DeploymentSummary {
  readonly image: string | null;
  readonly imageDigest: string | null;
  readonly checksum: string;
  readonly config: string | null;
  /** Where its files lie, seen from outside. */
  readonly path: string;
}

type Deployment = HostStatus['booted'];

export function summarizeHost(status: HostStatus): HostSummary {
  return {
    driver: status.driver,
    booted: summarizeDeployment(status.booted),
    rollback: status.rollback === undefined ? null : summarizeDeployment(status.rollback),
    bootPending: status.next !== undefined && status.next.name !== status.booted.name,
    kernelArguments: status.kernelArguments,
    managedFiles: (status.booted.applied?.entries ?? []).map(({ path }) => path),
    drift: status.drift.map(({ path, message }) => ({ path, message })),
  };
}

function summarizeDeployment(deployment: Deployment): DeploymentSummary {
  return {
    image: deployment.image ?? null,
    imageDigest: deployment.imageDigest ?? null,
    checksum: deployment.checksum,
    config: deployment.applied?.config ?? null,
    path: deployment.root,
  };
}

export function formatHostStatus(status: HostSummary): string {
  const lines = [
    `driver:     ${status.driver}`,
    `booted:     ${describe(status.booted)}`,
    `rollback:   ${status.rollback === null ? 'none' : describe(status.rollback)}`,
    `kernel:     ${status.kernelArguments.join(' ')}`,
    `files:      ${status.managedFiles.join(' ') || 'none managed'}`,
  ];
  if (status.bootPending) lines.push('next boot:  another deployment');
  for (const { path, message } of status.drift) lines.push(`drift:      ${path} ${message}`);
  return lines.join('\n');
}

function describe(deployment: DeploymentSummary): string {
  return `${deployment.imageDigest ?? deployment.checksum} (${deployment.config ?? 'as installed'})`;
}

/** Progress for a person: at most one line a second, and none where nobody watches. */
export function stagingProgress(
  terminal: Terminal,
): (progress: { bytesDone: number; bytesTotal: number; step: string }) => void {
  let last = 0;
  return ({ bytesDone, bytesTotal, step }) => {
    const now = Date.now();
    if (!terminal.interactive || now - last < 1000) return;
    last = now;
    terminal.err(`${step}: ${formatBytes(bytesDone)} of ${formatBytes(bytesTotal)}`);
  };
}
