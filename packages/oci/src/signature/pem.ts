// https://www.rfc-editor.org/rfc/rfc7468
export interface PemBlock {
  label: string;
  der: Buffer<ArrayBuffer>;
}

const maximumBlocks = 64;
const blockPattern = /-----BEGIN ([A-Z0-9 ]{1,40})-----([A-Za-z0-9+/=\s]*)-----END \1-----/g;

/** What is outside of the blocks is left out. Throws Error where there are too many blocks. */
export function pemBlocks(text: string): PemBlock[] {
  const blocks: PemBlock[] = [];
  for (const [, label = '', body = ''] of text.matchAll(blockPattern)) {
    if (blocks.length === maximumBlocks) throw new Error(`there are more than ${maximumBlocks} PEM blocks`);
    blocks.push({ label, der: Buffer.from(body, 'base64') });
  }
  return blocks;
}
