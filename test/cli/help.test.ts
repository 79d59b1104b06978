import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { splitBashLine } from '../../src/cli/completion/bash-words.ts';
import { EXAMPLES, withSubcommands } from '../../src/cli/help.ts';
import { createProgram } from '../../src/cli/program.ts';

const program = createProgram();

/** The commands that do something, by name. */
const commands = withSubcommands(program)
  .slice(1)
  .filter((command) => command.commands.length === 0);
const nameOf = (command: Command) =>
  command.parent === program ? command.name() : `${command.parent?.name()} ${command.name()}`;

describe('`--help`', () => {
  it.each(commands)(
    'of $_name has examples, fits 80 columns, and shows defaults as typed',
    (command) => {
      let help = '';
      command.configureOutput({
        getOutHelpWidth: () => 80,
        writeOut: (text) => {
          help += text;
        },
      });
      command.outputHelp();
      expect(help).toMatch(new RegExp(`^Examples:\n {2}cognito-mirror ${nameOf(command)}\\b`, 'm'));
      expect(help.split('\n').filter((line) => line.length > 80)).toEqual([]);
      expect(help).not.toContain('(default: "');
    },
  );

  it('has examples of every command, and of no other', () => {
    expect(Object.keys(EXAMPLES).sort()).toEqual(commands.map(nameOf).sort());
    for (const examples of Object.values(EXAMPLES)) expect(examples.length).toBeGreaterThan(0);
  });

  it.each(Object.values(EXAMPLES).flat())('has an example that is understood: %s', async (text) => {
    // What a shell takes away: redirections, and a line break after a backslash.
    const line = text.replace(/\\\n\s*/g, ' ').replace(/\s[<>]+\S+/g, '');
    const called: string[] = [];
    for (const command of withSubcommands(program)) {
      command.exitOverride().configureOutput({ writeErr: () => {} });
      if (command.commands.length === 0) command.action(() => void called.push(nameOf(command)));
    }
    await program.parseAsync([...splitBashLine(line).words], { from: 'user' });
    expect(called).toHaveLength(1);
    expect(text.startsWith(`${called[0]}`)).toBe(true);
  });
});
