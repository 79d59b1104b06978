import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const read = (page: string) =>
  readFileSync(fileURLToPath(new URL(`../../docs/${page}`, import.meta.url)), 'utf8');

/** The blocks of SQL below a heading of a page, to the next heading of the second level. */
function sqlBlocks(page: string, heading: string): string[] {
  const [, section = ''] = read(page).split(`\n${heading}\n`);
  const [text = ''] = section.split(/^## /m);
  return [...text.matchAll(/^```sql\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);
}

/** The statements of a block. */
export function statementsOf(block: string): string[] {
  return block.split(/;\s*$/m).filter((statement) => statement.trim() !== '');
}

/** The SQL that the documents give for roles: to make them, to grant, and to grant from Postgres 17 on. */
export function rolesSql(): { readonly roles: string; readonly grants: readonly string[] } {
  const [roles = '', ...grants] = sqlBlocks('OPERATIONS.md', '### Roles');
  return { roles, grants };
}

/** The SQL for a reader of some pools: that of the administrator, and that of the owner. */
export function restrictedReaderSql(): { readonly role: string; readonly restrict: string } {
  const [role = '', restrict = ''] = sqlBlocks('PRIVACY.md', '## Readers of some pools');
  return { role, restrict };
}
