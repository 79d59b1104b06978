/** An error response of the service. */
export class ServiceError extends Error {
  readonly type: string;
  readonly status: number;
  /** True if an injected fault caused it. */
  injected = false;

  constructor(type: string, message: string, status = 400) {
    super(message);
    this.type = type;
    this.status = status;
  }
}

/** Marks an error as caused by an injected fault. */
export function injected(error: ServiceError): ServiceError {
  error.injected = true;
  return error;
}

export function invalidParameter(message: string): ServiceError {
  return new ServiceError('InvalidParameterException', message);
}

export function poolNotFound(poolId: string): ServiceError {
  return new ServiceError('ResourceNotFoundException', `User pool ${poolId} does not exist.`);
}

export function userNotFound(): ServiceError {
  return new ServiceError('UserNotFoundException', 'User does not exist.');
}

export function groupNotFound(): ServiceError {
  return new ServiceError('ResourceNotFoundException', 'Group not found.');
}

export function throttled(): ServiceError {
  return new ServiceError('TooManyRequestsException', 'Rate exceeded');
}

export function internalError(): ServiceError {
  return new ServiceError('InternalErrorException', 'Internal server error', 500);
}

export function tooLong(): ServiceError {
  return new ServiceError('RequestEntityTooLargeException', 'The request is too long.', 413);
}
