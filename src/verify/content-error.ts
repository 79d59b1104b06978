import type { FindingCode } from './findings.ts';

/** What is wrong with the content of a part. The message is a sentence without data of rows. */
export class ContentError extends Error {
  readonly code: FindingCode;

  constructor(code: FindingCode, message: string) {
    super(message);
    this.code = code;
  }
}
