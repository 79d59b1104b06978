/** The pool that is served where none is named. */
export const DEFAULT_POOL_ID = 'us-east-1_Simulated';

/** The account of the pools where none is named. */
export const DEFAULT_ACCOUNT = '123456789012';
