import { expect, test } from 'vitest';
import { Message } from '../../src/report/text.tsx';

test('a message shows its commands as code, and escapes all of it', () => {
  expect(String(<Message value={'Run `sync <pool>\u0007` again.'} />)).toBe(
    '<bdi>Run </bdi><code>sync &lt;pool&gt;\\u0007</code><bdi> again.</bdi>',
  );
});

test('a message may have a backquote of its own', () => {
  expect(String(<Message value="a ` b" />)).toBe('<bdi>a ` b</bdi>');
});
