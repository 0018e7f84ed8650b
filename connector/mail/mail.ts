// THE PORT of mail: hands frozen bytes to a mail server and says what became of them.
//
// What a transport must get right: `accepted` only after the server's 250 to the final dot (or a durable write);
// `unknown` when the dot may have been sent and no answer came; `later` only when it is certain that nothing was
// accepted. The same message may be sent again after `unknown`: its bytes and Message-ID do not change.

/** RFC 5321 envelope. `from` may be empty for a null reverse-path. */
export interface Envelope {
  readonly from: string;
  readonly to: string;
}

export interface Message {
  readonly envelope: Envelope;
  /** With angle brackets, as in the header (RFC 5322 §3.6.4). */
  readonly messageId: string;
  /** The whole message, headers and body, CRLF line ends: never changed between attempts. */
  readonly bytes: Uint8Array;
}

/** `code` is the SMTP reply code, 0 when there was none. `reply` is the server's line, cut to 200 characters. */
export type SendOutcome =
  | { readonly outcome: 'accepted'; readonly reply: string }
  /** `retryAt`: not before, where the other side has said so; milliseconds since the epoch. */
  | { readonly outcome: 'later'; readonly code: number; readonly reply: string; readonly retryAt?: number }
  | { readonly outcome: 'refused'; readonly code: number; readonly reply: string }
  /** Our own configuration is at fault (credentials, TLS, no STARTTLS): retried, and an operator is told. */
  | { readonly outcome: 'misconfigured'; readonly code: number; readonly reply: string }
  | { readonly outcome: 'unknown'; readonly reply: string };

export interface Mail {
  /** One attempt, bounded in time; never throws for anything that the other side does. */
  send(message: Message): Promise<SendOutcome>;
  /** Can a connection be made and authenticated? For `check`; sends nothing. */
  verify(): Promise<{ ok: true } | { ok: false; why: string }>;
  close(): Promise<void>;
}
