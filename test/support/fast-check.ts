import fc from 'fast-check';
import { readSeed } from './seed.ts';

fc.configureGlobal({ seed: readSeed('FAST_CHECK_SEED') });

/** fast-check with the fixed seed of `npm test`. `FAST_CHECK_SEED=random` draws other cases. */
export default fc;
