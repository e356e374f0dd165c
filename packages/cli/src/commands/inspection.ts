// An image, as `varve image inspect` tells it to a person.
import type { ImageInspection } from '@varve/build';
import { formatBytes, printable } from '../output.ts';

export function formatInspection(inspection: ImageInspection): string {
  const { name, digest, osRelease, architecture, kernels, packages, created, layers, size, bootable, findings } =
    inspection;
  const lines = [
    name.includes(digest) ? name : `${name} (${digest})`,
    `  system:    ${osRelease ?? 'unknown'}, ${architecture}${created === undefined ? '' : `, made ${created}`}`,
    `  kernel:    ${kernels.join(', ') || 'none'}`,
    `  packages:  ${packages ?? 'no package database'}`,
    `  bootable:  ${bootable ? 'yes' : 'no'}`,
    ...findings.map(({ code, problem, cure }) => `    ${code}: the image ${problem}; ${cure}`),
    `  layers:    ${layers.length}, ${formatBytes(size)}`,
    ...layers.map((layer) => `    ${layer.digest}  ${formatBytes(layer.size)}`),
  ];
  const labels = Object.entries(inspection.labels);
  if (labels.length > 0) lines.push('  labels:', ...labels.map(([name, value]) => `    ${name}=${value}`));
  return lines.map(printable).join('\n');
}
