import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { type LoadOptions, loadConfig } from '../../src/config/load-config.ts';
import { ActionRequiredError } from '../../src/model/errors.ts';

/** The problems of an environment, each as `subject: problem remedy`. */
export function problemsOf(env: NodeJS.ProcessEnv, options: LoadOptions = {}): string[] {
  try {
    loadConfig(env, options);
  } catch (error) {
    if (error instanceof ActionRequiredError) return error.message.split('\n');
    throw error;
  }
  return [];
}

/** Writes `mirror.yaml` and returns its path. The end of the test deletes it. */
export function writeYaml(content: string | Uint8Array): string {
  const folder = mkdtempSync(join(tmpdir(), 'cognito-mirror-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'mirror.yaml');
  writeFileSync(path, content);
  return path;
}

/** The configuration from a file with this text. */
export function loadYaml(text: string, env: NodeJS.ProcessEnv = {}): Config {
  return loadConfig({ ...env, MIRROR_CONFIG: writeYaml(text) });
}

/** The problems of a file with this text, each as `line: problem remedy`. */
export function yamlProblemsOf(text: string): string[] {
  const path = writeYaml(text);
  return problemsOf({ MIRROR_CONFIG: path }).map((problem) =>
    problem.replace(`MIRROR_CONFIG (${path}:`, '').replace(')', ''),
  );
}
