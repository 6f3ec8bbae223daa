// One batch of client frames that every language builds from its own stubs (interop.go, Interop.java, interop.py): the
// bytes must be those that the TypeScript stubs make.
import { OpenRequest } from '#proto/parley/v1/stream_service.ts';

export const sampleBytes: Buffer = Buffer.from(
  OpenRequest.encode(
    OpenRequest.create({
      frames: [
        {
          requestId: 1n,
          frame: {
            $case: 'hello',
            value: {
              deviceId: 'phone-1',
              resumeToken: Buffer.from([0, 255, 128]),
              positions: [{ threadId: 'd_1', upToSequence: 18_446_744_073_709_551_615n }],
              apiRevision: 1,
              foreground: true,
            },
          },
        },
        {
          requestId: 2n,
          frame: {
            $case: 'send',
            value: {
              threadId: 'd_1',
              clientMessageId: 'm-1',
              knownHead: 9_007_199_254_740_993n,
              expectedSequence: 0n,
              mentionIds: ['zoë', '李'],
              content: { body: { $case: 'text', value: 'hello' } },
            },
          },
        },
      ],
    }),
  ).finish(),
);
