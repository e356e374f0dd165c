// Whether what runs was found healthy. A look takes time, and the network side may ask for a change meanwhile: what was
// seen of the host before a change says nothing about the host after it.

export class HealthProof {
  #changes = 0;
  #isHealthy = false;

  get isHealthy(): boolean {
    return this.#isHealthy;
  }

  /** Nothing that was seen counts any more. */
  forget(): void {
    this.#changes += 1;
    this.#isHealthy = false;
  }

  /** Looks at the host with `look`, and gives what that has found. */
  async by<T>(look: () => Promise<readonly [isHealthy: boolean, found: T]>): Promise<T> {
    const changes = this.#changes;
    const [isHealthy, found] = await look();
    this.#isHealthy = isHealthy && changes === this.#changes;
    return found;
  }

  /** A change of the host: looks that overlap with it do not count. */
  async during<T>(change: () => Promise<T>): Promise<T> {
    this.forget();
    try {
      return await change();
    } finally {
      this.forget();
    }
  }
}
