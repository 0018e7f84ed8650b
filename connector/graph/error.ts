// Errors of the Graph door, in the very words of the service: clients and people know them. Microsoft Graph error
// responses (concepts/errors), texts as captured from a real tenant.

/** What an error says besides (`error.details`): which property it is about. */
export interface ErrorDetail {
  readonly code: string;
  readonly message: string;
  readonly target: string;
}

/** An answer of the door that is no success. `code` is for machines; `headers` go with it (Retry-After, Location). */
export class GraphError extends Error {
  override readonly name = 'GraphError';
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly details: readonly ErrorDetail[];

  constructor(
    status: number,
    code: string,
    message: string,
    headers: Readonly<Record<string, string>> = {},
    details: readonly ErrorDetail[] = [],
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
    this.details = details;
  }
}

/** 400: what is asked for is no request. */
export function badRequest(message: string): GraphError {
  return new GraphError(400, 'Request_BadRequest', message);
}

/** 400: a query that this service does not answer. */
export function unsupportedQuery(message: string): GraphError {
  return new GraphError(400, 'Request_UnsupportedQuery', message);
}

/** 404, also for an id that is none. */
export function notFound(id: string): GraphError {
  const what = `Resource '${id}' does not exist or one of its queried reference-property objects are not present.`;
  return new GraphError(404, 'Request_ResourceNotFound', what);
}

/** 400 of the gateway, which reads addresses and bodies before a directory sees them. */
export function gatewayError(message: string): GraphError {
  return new GraphError(400, 'BadRequest', message);
}

/** 403: scope or role is missing; which of them is not said. */
export function denied(): GraphError {
  return new GraphError(403, 'Authorization_RequestDenied', 'Insufficient privileges to complete the operation.');
}
