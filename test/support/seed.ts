/** The seed of `npm test`, so that two runs of one commit draw the same. */
const FIXED = 20_261;

/**
 * Reads a seed from an environment variable: a number, or `random`. Prints a seed that is not the
 * fixed one, so that a failure can be repeated.
 */
export function readSeed(variable: string): number {
  return process.env[variable] === undefined ? FIXED : drawSeed(variable);
}

/** As `readSeed`, but random if the variable is not set: for long runs that are started by hand. */
export function drawSeed(variable: string): number {
  const text = process.env[variable] ?? 'random';
  const seed = text === 'random' ? 1 + Math.floor(Math.random() * 1e6) : Number(text);
  if (!Number.isSafeInteger(seed))
    throw new Error(`${variable} must be a whole number or \`random\`.`);
  console.log(`${variable}=${seed}`);
  return seed;
}
