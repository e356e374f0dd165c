// Processes that stand for election in a simulated world, of which no two may ever lead.
import { isKubeError } from '../error.ts';
import { LeaderElector } from './elector.ts';
import { LeaseServer, type Passage, Simulation } from './simulation.fixture.ts';

export const well: Passage = { there: 5, back: 5, fate: 'ok' };

export interface ProcessOptions {
  readonly rate?: number;
  readonly offset?: number;
  /** Simulated milliseconds that the work takes to end. */
  readonly windDown?: number;
  /** Stands again after a term that it lost. */
  readonly again?: boolean;
}

/** A process that stands for election, and what it does. */
export class Candidate {
  readonly elector: LeaderElector;
  readonly errors: unknown[] = [];
  readonly leaders: string[] = [];
  passage: () => Passage = () => well;
  isDead = false;
  isActing = false;
  outcome: unknown = 'running';
  readonly #simulation: Simulation;
  readonly #windDown: number;
  readonly #end = new AbortController();
  readonly #others: ReadonlySet<Candidate>;

  constructor(name: string, world: World, { rate = 1, offset = 0, windDown = 0 }: ProcessOptions = {}) {
    this.#simulation = world.simulation;
    this.#others = world.candidates;
    this.#windDown = windDown;
    this.elector = new LeaderElector({
      lock: world.server.lock(() => (this.isDead ? { ...well, fate: 'hang' } : this.passage())),
      identity: name,
      clock: world.simulation.clock(rate, offset),
      random: () => 0.5,
      onError: (error) => this.errors.push(error),
      onLeader: ({ identity, isSelf }) => this.leaders.push(isSelf ? 'self' : (identity.split('_')[0] ?? '')),
    });
  }

  /** Stands once, or again after each term that it lost. */
  async start(again = false): Promise<void> {
    try {
      await this.elector.run((signal) => this.lead(signal), this.#end.signal);
      this.outcome = 'ended';
    } catch (error) {
      if (again && isKubeError(error, 'LEADERSHIP_LOST')) await this.start(again);
      else this.outcome = error;
    }
  }

  /** Works until told to stop, and then some. */
  async lead(signal: AbortSignal): Promise<void> {
    if (this.isDead) return;
    for (const other of this.#others) {
      if (other.isActing) throw new Error(`${this.elector.identity} began while ${other.elector.identity} still led`);
    }
    this.isActing = true;
    await this.#simulation.sleep(Number.MAX_SAFE_INTEGER, signal);
    await this.#simulation.sleep(this.#windDown);
    this.isActing = false;
  }

  stop(): void {
    this.#end.abort();
  }

  /** As kill -9 does. */
  kill(): void {
    this.isDead = true;
    this.isActing = false;
  }
}

export class World {
  readonly simulation = new Simulation();
  readonly server = new LeaseServer(this.simulation);
  readonly candidates = new Set<Candidate>();

  add(name: string, options: ProcessOptions = {}): Candidate {
    const candidate = new Candidate(name, this, options);
    this.candidates.add(candidate);
    void candidate.start(options.again);
    return candidate;
  }

  get acting(): number {
    return [...this.candidates].filter((candidate) => candidate.isActing).length;
  }
}
