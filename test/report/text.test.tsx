import type { JSX } from 'hono/jsx/jsx-runtime';
import { expect, test } from 'vitest';
import { Message } from '../../src/report/text.tsx';

const render = async (element: JSX.Element) => (await element).toString();

test('a message shows its commands as code, and escapes all of it', async () => {
  expect(await render(<Message value={'Run `sync <pool>\u0007` again.'} />)).toBe(
    '<bdi>Run </bdi><code>sync &lt;pool&gt;\\u0007</code><bdi> again.</bdi>',
  );
});

test('a message may have a backquote of its own', async () => {
  expect(await render(<Message value="a ` b" />)).toBe('<bdi>a ` b</bdi>');
});
