import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { ROOT } from './checkout.mjs';

/**
 * Runs a program in the foreground, passing signals on, and gives its exit code.
 *
 * @param {readonly string[]} args of `node`
 * @returns {Promise<number>}
 */
export function runNode(args) {
  const child = spawn(process.execPath, args, { cwd: process.cwd(), stdio: 'inherit' });
  /** @type {NodeJS.Signals[]} */
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

/**
 * Runs a program of `node` in the checkout and keeps what it says.
 *
 * @param {readonly string[]} args of `node`
 * @returns {Promise<{ code: number, output: string }>}
 */
export function captureNode(args) {
  return capture(process.execPath, args);
}

/**
 * Runs a program, by default in the checkout, and captures its output.
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: Record<string, string> }} [options] the folder, and further variables
 * @returns {Promise<{ code: number, output: string }>} code 127 if the program is missing
 */
export function capture(program, args, { cwd = ROOT, env = {} } = {}) {
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ code: 127, output: error.message }));
    child.on('close', (code) => resolve({ code: code ?? 1, output: output.trim() }));
  });
}
