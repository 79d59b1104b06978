/** What is wrong with a path as a person wrote it; null where nothing is. */
export function pathProblem(path: string): string | null {
  if (/\p{Cc}/u.test(path)) return 'the path has a line break or another control character.';
  if (/^\/?~/.test(path)) {
    return 'the path begins with ~, which only a shell replaces by the home folder.';
  }
  return null;
}
