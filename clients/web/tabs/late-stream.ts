import type { CarrierStream, StreamListener } from '../../core/carrier.ts';
import * as Code from '../../core/codes.ts';
import { localError } from '../../core/errors.ts';
import type { ParleyError } from '../../core/errors.ts';

/** A stream that opens as soon as what opens it is there, and ends when that is not to be had. Before it is open there is nothing to say. */
export function lateStream(opening: Promise<() => CarrierStream>, listener: StreamListener): CarrierStream {
  let stream: CarrierStream | undefined;
  let isOver = false;
  const end = (error: ParleyError | undefined): void => {
    if (!isOver) listener.ended(error);
    isOver = true;
  };
  opening.then((open) => {
    if (!isOver) stream = open();
  }, end);
  return {
    send: (frames) => stream?.send(frames),
    close: () => {
      if (stream === undefined) queueMicrotask(() => end(undefined));
      else stream.close();
    },
    abort: () => {
      const cancelled = localError('CONNECTION_LOST', 'cancelled', Code.CANCELLED);
      if (stream === undefined) queueMicrotask(() => end(cancelled));
      else stream.abort();
    },
  };
}
