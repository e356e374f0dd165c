// Looks at a host's health again and again until it is good or its time is over. Time is monotonic: a clock that is set
// in between, by years if need be, neither ends nor prolongs the wait.
import { waitFor } from '../report/signal.ts';
import { type CheckResult, judge, type Verdict } from './result.ts';

export interface HealthWait {
  /** Milliseconds from now. */
  readonly deadline: number;
  /** One look; `remaining` milliseconds are left, at least one second. */
  readonly look: (remaining: number) => Promise<readonly CheckResult[]>;
  /** Told of each look that found something wrong while there is time left. */
  readonly onWaiting: (failing: CheckResult) => void;
  readonly signal: AbortSignal;
  /** Milliseconds that only ever grow. */
  readonly now?: () => number;
}

const firstPause = 500;
const longestPause = 10_000;
const shortestLook = 1_000;

/** The last verdict: healthy, or what was still wrong at the deadline. At least one look is taken. */
export async function untilHealthy(options: HealthWait): Promise<Verdict> {
  const { deadline, look, onWaiting, signal, now = () => performance.now() } = options;
  const end = now() + deadline;
  for (let pause = firstPause; ; pause = Math.min(longestPause, pause * 2)) {
    const verdict = judge(await look(Math.max(shortestLook, end - now())));
    signal.throwIfAborted();
    const left = end - now();
    if (!verdict.failing || left <= 0) return verdict;
    onWaiting(verdict.failing);
    await waitFor(new Promise(() => {}), Math.min(pause, left), signal);
    signal.throwIfAborted();
  }
}
