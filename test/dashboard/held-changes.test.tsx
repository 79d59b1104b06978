import type { JSX } from 'hono/jsx/jsx-runtime';
import { expect, test } from 'vitest';
import { HeldChanges } from '../../src/dashboard/parts/held-changes.tsx';

const render = async (element: JSX.Element) => (await element).toString();

test('settings that cannot be compared have no row in the changes of a held snapshot', async () => {
  const show = (settings: { added: number; removed: number; modified: number } | null) => {
    const summary = {
      users: { added: 1_234, removed: 0, modified: 0, replaced: 0 },
      groups: { added: 0, removed: 0, modified: 0 },
      memberships: { added: 0, removed: 5 },
      settings,
    };
    const changes = { summary, shown: [] };
    return render(<HeldChanges poolId="us-east-1_Held" changes={changes} isListed={false} />);
  };
  expect(await show({ added: 0, removed: 0, modified: 2 })).toContain('>settings</th>');
  const page = await show(null);
  expect(page).toContain('1,234');
  expect(page).not.toContain('settings');
});
