// Reads a text/event-stream (HTML Living Standard §9.2.6) out of a fetch body: EventSource can't carry a bearer token.

/** One event; `retry` in milliseconds, when the server has set it. */
export interface StreamEvent {
  readonly name: string;
  readonly data: string;
  readonly id: string | undefined;
  readonly retry: number | undefined;
}

/** More than any event of ours: a line beyond it is not one, and must not fill the memory. */
const longest = 1_000_000;

/**
 * The events of a body, as they arrive; comments are skipped. Ends when the body ends, throws what reading it throws.
 * @param alive called whenever anything arrives, comments included
 */
export async function* readEvents(body: ReadableStream<Uint8Array>, alive = () => {}): AsyncGenerator<StreamEvent> {
  let text = '';
  let fields = emptyFields();
  const reader = body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader();
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      alive();
      text += value;
      if (text.length > longest) throw new Error('an event is too long');
      // A CR at the very end may be half of a CRLF: wait for what follows.
      for (let end = /\r\n|\n|\r(?!$)/.exec(text); end; end = /\r\n|\n|\r(?!$)/.exec(text)) {
        const line = text.slice(0, end.index);
        text = text.slice(end.index + end[0].length);
        if (line !== '') take(fields, line);
        else {
          if (fields.data.length > 0) yield { ...fields, name: fields.name || 'message', data: fields.data.join('\n') };
          fields = { ...emptyFields(), id: fields.id, retry: fields.retry };
        }
      }
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

interface Fields {
  name: string;
  data: string[];
  id: string | undefined;
  retry: number | undefined;
}

function emptyFields(): Fields {
  return { name: '', data: [], id: undefined, retry: undefined };
}

function take(fields: Fields, line: string): void {
  const [, field = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
  if (field === 'event') fields.name = value;
  else if (field === 'data') fields.data.push(value);
  else if (field === 'id' && !value.includes('\0')) fields.id = value;
  else if (field === 'retry' && /^\d{1,6}$/.test(value)) fields.retry = Number(value);
}
