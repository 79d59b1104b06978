/**
 * A command of this program for a message, such as `cognito-mirror status us-east-1_Ab12Cd34`. The
 * command line prints it as it must be typed where it runs (`cli/command-line.ts`).
 */
export function formatCommand(args: readonly string[]): string {
  return ['cognito-mirror', ...args].map(quoteWord).join(' ');
}

/** A word as a POSIX shell reads it back. */
export function quoteWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
