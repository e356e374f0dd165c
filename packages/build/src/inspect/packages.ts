/** How many packages dpkg's status file lists as installed (dpkg-query(1), "Status" field). */
export function countInstalledPackages(status: string): number {
  return status.match(/^Status: \S+ \S+ installed$/gm)?.length ?? 0;
}
