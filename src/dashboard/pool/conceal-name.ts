/**
 * What a group is called on a page of counts, as its name is personal data: `Group 1` is the largest one.
 *
 * @param index its place among the groups by size, from 0
 */
export function concealName(index: number): string {
  return `Group ${index + 1}`;
}
