// One import in a process of its own, so that its memory is nobody else's: import-worker.ts REPOSITORY REFERENCE
// Prints the seconds that the import took, without the start of the process, and those of them that its merge took.
import { parseImageReference, RegistryClient } from '@varve/oci';
import { importImage, Repository } from '@varve/ostree';

async function main(path = '', text = ''): Promise<void> {
  const repository = await Repository.open(path);
  await using client = new RegistryClient({ insecure: true });
  const start = performance.now();
  const image = await client.getImage(parseImageReference(text));
  let merging = start;
  await importImage({
    repository,
    image,
    onProgress: ({ step }) => {
      if (step === 'merge') merging = performance.now();
    },
    openLayer: (descriptor, signal) => client.openBlob(image.reference, descriptor, { signal }),
    openRanges: (descriptor, ranges, signal) =>
      client.openRanges(image.reference, descriptor, ranges, signal && { signal }),
  });
  const end = performance.now();
  process.stdout.write(`${(end - start) / 1000} ${(end - merging) / 1000}\n`);
}

await main(...process.argv.slice(2));
