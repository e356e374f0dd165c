// One failure as the API shows it: a code that the documents explain, what happened and what to do.
import { AgentError } from '../error.ts';
import { type FailedTarget, HealthError } from '../health/failed-target.ts';
import { isErrno } from '../state/durable-file.ts';

export interface Failure {
  readonly code: string;
  readonly message: string;
  /** The health check that failed, and the end of what it wrote. */
  readonly check?: string | undefined;
  readonly output?: string | undefined;
  /** The target is given up: the host does not try it again. */
  readonly final?: boolean | undefined;
}

const maxMessage = 4000;
const noDetails = { check: undefined, output: undefined, failed: undefined };

/** Of a target that was given up, perhaps before this agent started. */
export function failureOfTarget({ code, message, check, output }: FailedTarget): Failure {
  return { code, message, check, output, final: true };
}

/** Known codes pass; a full disk is one whoever noticed it; the rest is HOST_COMMAND_FAILED. */
export function failureOf(error: unknown): Failure {
  const full = fullDisk(error);
  if (full) return full;
  if (error instanceof Error && 'code' in error && typeof error.code === 'string' && isDocumented(error)) {
    const { check, output, failed } = error instanceof HealthError ? error : noDetails;
    return { code: error.code, message: error.message.slice(0, maxMessage), check, output, final: failed && true };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'HOST_COMMAND_FAILED', message: message.slice(0, maxMessage) };
}

/** Error classes of the packages: node's own errors carry codes such as ECONNRESET, which no document explains. */
function isDocumented(error: Error): boolean {
  return error instanceof AgentError || /^(Oci|Ostree|Api|Kube)Error$/.test(error.name);
}

/** ENOSPC and EDQUOT from a system call, or in what `ostree` said (ostree-repo.c: min-free-space would be exceeded). */
function fullDisk(error: unknown): Failure | undefined {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 8; cause = cause.cause, depth++) {
    if (
      isErrno(cause, 'ENOSPC', 'EDQUOT', 'DISK_FULL') ||
      /no space left on device|min-free-space|disk quota exceeded/i.test(cause.message)
    ) {
      const detail = error instanceof Error ? error.message : String(error);
      return {
        code: 'DISK_FULL',
        message: `${detail.slice(0, maxMessage)}; free space on the host: it goes on by itself`,
      };
    }
  }
  return undefined;
}
