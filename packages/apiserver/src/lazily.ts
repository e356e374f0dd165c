// What takes long to make and may never be asked for is made when it is: the server answers sooner after its start.

/** A function that calls `make` once, the first time. */
export function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
