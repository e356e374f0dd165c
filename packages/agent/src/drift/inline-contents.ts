// What a config itself says of the contents of managed files: what it only names by a URL is not known here.
import { type MachineConfigSpec, readContents } from '@varve/api';
import { type PlannedFile, planContent } from '../content/plan.ts';

/** Managed files by their path. What else the config asks of the host was looked at when it was applied. */
export function plannedFiles(spec: MachineConfigSpec): ReadonlyMap<string, PlannedFile> {
  return new Map(planContent(spec, { extensions: true }).files.map((file) => [file.path, file]));
}

export function inlineContent({ source }: PlannedFile): Uint8Array | undefined {
  const contents = readContents(source.contents);
  return contents.kind === 'inline' ? contents.bytes : undefined;
}
