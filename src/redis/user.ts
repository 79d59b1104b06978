/** The user as whom a URL connects: `default` where it names none. */
export function userOf(url: string): string {
  const { username } = new URL(url);
  return username === '' ? 'default' : decodeURIComponent(username);
}
