/** Why a connection ends. */

export const CLOSED = {
  normal: 1000,
  lost: 1006,
  byUs: 4000,
  badRequest: 4400,
  unauthorised: 4401,
  forbidden: 4403,
  notFound: 4404,
  crowded: 4429,
};

/** Asking again would bring the same answer. */
export const FINAL = new Set([
  CLOSED.badRequest, CLOSED.unauthorised, CLOSED.forbidden, CLOSED.notFound,
]);

/** An event stream is refused by an HTTP status where a socket is closed with a code. */
export const OF_STATUS = {
  400: CLOSED.badRequest,
  401: CLOSED.unauthorised,
  403: CLOSED.forbidden,
  404: CLOSED.notFound,
  422: CLOSED.badRequest,
  429: CLOSED.crowded,
};
