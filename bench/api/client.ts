// Starts the client process anew for each job, so that none inherits another's connections or heap.
import { fork } from 'node:child_process';
import { join } from 'node:path';
import { type Job, type Outcome, parseOutcome, type Target } from './job.ts';

export async function runJob(target: Target, job: Job, signal: AbortSignal): Promise<Outcome> {
  const child = fork(join(import.meta.dirname, 'client-process.ts'), {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    signal,
  });
  try {
    return await new Promise<Outcome>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`the client ended with ${code}`)));
      child.once('message', (message: object) => {
        const error: unknown = Reflect.get(message, 'error');
        if (typeof error === 'string') reject(new Error(error));
        else resolve(parseOutcome(Reflect.get(message, 'outcome')));
      });
      child.send({ target, job });
    });
  } finally {
    child.kill();
  }
}
