// An endpoint that a node hands its notifications to: keeps what came, and checks how it was signed.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { type HttpPort, listenHttp } from '../../server/http-port.ts';

export interface WebhookPost {
  readonly kind: 'message' | 'withdraw';
  readonly user_id: string;
  readonly device_id: string;
  readonly push_token: string;
  readonly platform: string;
  readonly thread_id: string;
  readonly sequence: string;
  readonly title: string;
  readonly text: string;
  readonly badge: number;
  readonly unread: number;
  readonly ttl_s: number;
}

export interface WebhookAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export class FakeWebhook implements AsyncDisposable {
  readonly posts: WebhookPost[] = [];
  readonly secret = 'a secret of two';
  /** Of those that were not signed as they should be. */
  badlySigned = 0;
  /** What to answer. */
  answer: (post: WebhookPost) => WebhookAnswer = () => ({ status: 204 });
  #port: HttpPort | undefined;

  static async start(): Promise<FakeWebhook> {
    const fake = new FakeWebhook();
    fake.#port = await listenHttp(
      (request, response) => {
        const chunks: Buffer[] = [];
        request.on('data', (chunk: Buffer) => chunks.push(chunk));
        request.on('end', () => {
          const body = Buffer.concat(chunks).toString();
          if (!fake.#isSigned(String(request.headers['parley-signature']), body)) fake.badlySigned += 1;
          const post = JSON.parse(body) as WebhookPost;
          fake.posts.push(post);
          const { status, headers } = fake.answer(post);
          response.writeHead(status, headers).end();
        });
      },
      { host: '127.0.0.1', port: 0 },
    );
    return fake;
  }

  get url(): string {
    return `http://${this.#port?.address}/notify`;
  }

  /** "kind device sequence" of what came for a user, in order. */
  of(userId: string): string[] {
    return this.posts
      .filter((post) => post.user_id === userId)
      .map(({ kind, device_id: device, sequence }) => `${kind} ${device} ${sequence}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#port?.close();
  }

  #isSigned(header: string, body: string): boolean {
    const [, seconds = '', signature = ''] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(header) ?? [];
    const expected = createHmac('sha256', this.secret).update(`${seconds}.${body}`).digest();
    const given = Buffer.from(signature, 'hex');
    return given.length === expected.length && timingSafeEqual(given, expected);
  }
}
