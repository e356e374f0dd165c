// Lanes keep clients of one kind out of the way of the others: however many hosts come at once, an administrator does not
// stand in their queue. A request gets its lane from its credential before its body is read, so that what waits is small.
import type { FastifyRequest } from 'fastify';
import type { ClientCertificates } from '../authentication/client-certificate.ts';
import { tooManyRequests } from '../status.ts';
import { mastersGroup, nodesGroup, type User } from '../user.ts';
import { Lane, type LaneLimits } from './lane.ts';

const limits = {
  /** Certificates of system:masters: administrators, and the server's own controllers. Counted, never held up. */
  administrators: { running: Number.POSITIVE_INFINITY, waiting: 0, perClient: Number.POSITIVE_INFINITY },
  /** Other certificates, and tokens. */
  people: { running: 200, waiting: 2000, perClient: 1000 },
  /** Hosts, and hosts that join. */
  hosts: { running: 200, waiting: 5000, perClient: 20 },
  anonymous: { running: 20, waiting: 200, perClient: 100 },
} as const satisfies Readonly<Record<string, LaneLimits>>;

/** An agent has a few. */
const maxWatchesPerHost = 50;

type LaneName = keyof typeof limits;

/** Load balancers ask when the server is at its limit, too. */
const probes = ['/healthz', '/livez', '/readyz'];

export class Lanes {
  readonly #certificates: ClientCertificates;
  readonly #lanes: Readonly<Record<LaneName, Lane>>;
  readonly #watchesOf = new Map<string, number>();
  readonly #inside = new Map<FastifyRequest, () => void>();

  constructor(certificates: ClientCertificates) {
    this.#certificates = certificates;
    this.#lanes = {
      administrators: new Lane(limits.administrators),
      people: new Lane(limits.people),
      hosts: new Lane(limits.hosts),
      anonymous: new Lane(limits.anonymous),
    };
  }

  get all(): readonly { readonly name: string; readonly lane: Lane }[] {
    return Object.entries(this.#lanes).map(([name, lane]) => ({ name, lane }));
  }

  /** Waits for the request's turn. Throws 429. */
  async enter(request: FastifyRequest): Promise<void> {
    if (probes.some((probe) => request.url.startsWith(probe))) return;
    const { name, client } = this.#laneOf(request);
    const { socket } = request.raw;
    const gone = new AbortController();
    const onClose = () => gone.abort();
    socket.once('close', onClose);
    try {
      this.#inside.set(request, await this.#lanes[name].enter(client, gone.signal));
    } finally {
      socket.off('close', onClose);
    }
    if (socket.destroyed) this.leave(request);
  }

  /** The request is answered, or has become a stream, which only its watchers' bounds hold. */
  leave(request: FastifyRequest): void {
    this.#inside.get(request)?.();
    this.#inside.delete(request);
  }

  /** Call what is returned at the end of the user's watch. Throws 429 for a host that has too many open. */
  openWatch(user: User): () => void {
    if (!user.groups.includes(nodesGroup)) return () => {};
    const open = this.#watchesOf.get(user.name) ?? 0;
    if (open >= maxWatchesPerHost) throw tooManyRequests();
    this.#watchesOf.set(user.name, open + 1);
    return () => {
      const left = (this.#watchesOf.get(user.name) ?? 1) - 1;
      if (left === 0) this.#watchesOf.delete(user.name);
      else this.#watchesOf.set(user.name, left);
    };
  }

  /** Whether any request is worked on. */
  get isIdle(): boolean {
    return this.#inside.size === 0;
  }

  /** By what is cheap to know. Whether a token is good is found out later, in the lane. */
  #laneOf(request: FastifyRequest): { readonly name: LaneName; readonly client: string } {
    const { authorization } = request.headers;
    if (authorization !== undefined) {
      const isBootstrap = /^Bearer +[a-z0-9]{6}\.[a-z0-9]{16} *$/i.test(authorization);
      return { name: isBootstrap ? 'hosts' : 'people', client: authorization };
    }
    const user = this.#certificates.find(request);
    if (user === undefined) return { name: 'anonymous', client: request.ip };
    if (user.groups.includes(mastersGroup)) return { name: 'administrators', client: user.name };
    return { name: user.groups.includes(nodesGroup) ? 'hosts' : 'people', client: user.name };
  }
}
