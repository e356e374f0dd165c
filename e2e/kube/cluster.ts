// What a test needs of a cluster, whoever runs it.

export interface Cluster extends AsyncDisposable {
  /** An administrator's. */
  readonly kubeconfig: string;
  /** For files of the test; it goes with the cluster. */
  readonly directory: string;
  /** Where its API server is, and whom to trust for it. */
  readonly endpoint: Endpoint;
  /** Kubelets without machines for every Node with `annotation=value`: pods run there at once, and end when evicted. */
  startKwok(annotation: string): Promise<unknown>;
}

export interface Endpoint {
  readonly server: string;
  readonly ca: string;
}
