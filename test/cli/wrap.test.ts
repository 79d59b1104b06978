import { expect, it } from 'vitest';
import { fold } from '../../src/cli/display/fold.ts';
import { wrap } from '../../src/cli/display/text-width.ts';

it('wraps between words, and splits words that are too wide', () => {
  expect(wrap('- ', 'one two three', 12)).toEqual(['- one two', '  three']);
  expect(wrap('  ', 'x'.repeat(25), 14)).toEqual([
    `  ${'x'.repeat(11)}`,
    `  ${'x'.repeat(11)}`,
    '  xxx',
  ]);
});

it('folds between words, and never within a command', () => {
  const text = 'Run `cognito-mirror trigger us-east-1_Main`, then look.';
  expect(fold('→ ', text, 20)).toEqual([
    '→ Run',
    '  `cognito-mirror trigger us-east-1_Main`,',
    '  then look.',
  ]);
});
