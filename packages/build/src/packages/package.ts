/** An installed package, of whichever package manager. */
export interface InstalledPackage {
  readonly name: string;
  readonly architecture: string;
  /** `[EPOCH:]VERSION[-REVISION]`, as the package manager prints it. */
  readonly version: string;
}
