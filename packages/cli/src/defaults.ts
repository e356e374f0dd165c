// Where things are unless a flag says otherwise.

/** State of `varve up`. */
export const defaultServerState = '/var/lib/varve/server';

/** Base images, and the layers of builds. */
export const defaultCache = '/var/cache/varve';
