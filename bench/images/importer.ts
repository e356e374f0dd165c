/** An import as the suite measures it. */
export interface MeasuredImport {
  readonly seconds: number;
  readonly peakMemory: number;
}

/** Something that imports images into a repository of its own. */
export interface Importer {
  readonly name: string;
  import(reference: string, signal: AbortSignal): Promise<MeasuredImport>;
  /** Merges the layers of an imported image again, as if it had never been done. Returns seconds. */
  merge(reference: string, signal: AbortSignal): Promise<number>;
}
