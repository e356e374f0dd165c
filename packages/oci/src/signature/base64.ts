const pattern = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Of the usual or the URL-safe alphabet. Node leaves out what is no base64; here it is an error, which names `what`. */
export function decodeBase64(text: string, what: string): Buffer<ArrayBuffer> {
  const plain = text
    .replaceAll(/[\r\n]/g, '')
    .replaceAll('-', '+')
    .replaceAll('_', '/');
  if (plain.length % 4 !== 0 || !pattern.test(plain)) throw new Error(`${what} is not base64`);
  return Buffer.from(plain, 'base64');
}
